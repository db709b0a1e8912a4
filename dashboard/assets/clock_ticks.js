// Body of a tick formatter: a moment on the reader's own clock, as exact as the distance of the ticks asks for.
const moment = new Date(tick);
const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) : 1000;
const two = (value) => String(value).padStart(2, "0");
const day = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
if (step >= 86400000) return day;
const minutes = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
if (index === 0 && step >= 3600000) return `${day} ${minutes}`;
if (step >= 60000) return minutes;
const seconds = `${minutes}:${two(moment.getSeconds())}`;
return step >= 1000 ? seconds : `${seconds}.${String(moment.getMilliseconds()).padStart(3, "0")}`;

// Body of a callback: the answer that said how full a window was is opened.
const [place] = source.selected.indices;
const id = place === undefined ? "" : source.data.id[place];
source.selected.setv({ indices: [] }, { sync: false });
if (id) location.assign(`/requests/${id}`);

// Looks again after a while whether the page can be made now; without scripts there is its link.
const { reloadS } = document.querySelector("[data-reload-s]").dataset;
setTimeout(() => location.reload(), 1000 * Number(reloadS));

// Body of a callback: the exchange whose bar was tapped is selected in the tree.
const [place] = source.selected.indices;
if (place !== undefined) document.dispatchEvent(new CustomEvent("nexus:select", { detail: source.data.id[place] }));
source.selected.setv({ indices: [] }, { sync: false });

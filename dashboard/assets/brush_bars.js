// Body of a callback: the brushed span becomes part of the address, once the brush is let go.
const { type, x0, x1 } = cb_obj.geometry;
if (cb_obj.final && type === "rect" && x1 > x0) {
  const asked = new URLSearchParams(location.search);
  asked.set("from", Math.round(x0 / 1000));
  asked.set("to", Math.round(x1 / 1000));
  const link = document.createElement("a");
  link.href = `?${asked}`;
  link.dataset.soft = "";
  document.body.append(link);
  link.click();
  link.remove();
}
source.selected.setv({ indices: [] }, { sync: false });

// Which theme is on? Runs before the first paint, so that nothing flashes; shell.js has the button.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("nexus-theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    const chosen = stored();
    root.dataset.themeChoice = chosen === "dark" || chosen === "light" ? chosen : "auto";
    root.dataset.theme = root.dataset.themeChoice === "auto" ? (dark.matches ? "dark" : "light") : chosen;
    document.dispatchEvent(new CustomEvent("nexus:theme"));
  };
  window.nexusTheme = {
    cycle() {
      const order = ["auto", "light", "dark"];
      const next = order[(order.indexOf(root.dataset.themeChoice) + 1) % order.length];
      try {
        if (next === "auto") localStorage.removeItem("nexus-theme");
        else localStorage.setItem("nexus-theme", next);
      } catch {
        root.dataset.themeChoice = next;
      }
      apply();
      return next;
    },
  };
  dark.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === "nexus-theme" && apply());
  apply();
})();

// Saved filters: what the sheets beside a page's filters do. The front keeps what is sent; the page then looks again.
(() => {
  const WORD = 'form[action="/logout"] [name="csrf"]';
  const AWAY = "The dashboard does not answer; try again.";
  const toast = (text, tone) => document.dispatchEvent(new CustomEvent("nexus:toast", { detail: { text, tone } }));
  const lookAgain = () => document.dispatchEvent(new CustomEvent("nexus:act", { detail: { name: "saved", value: "" } }));
  const focusMenu = () => document.querySelector(".saved-menu > summary")?.focus();

  // What the front answers; of a refusal the reason is thrown.
  async function send(path, fields) {
    const body = new URLSearchParams({ ...fields, csrf: document.querySelector(WORD).value });
    let answer, said;
    try {
      answer = await fetch(path, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "error" });
      said = await answer.json();
    } catch {
      throw new Error(AWAY);
    }
    if (!answer.ok) throw new Error(said.error?.message ?? AWAY);
    return said;
  }

  async function save(form) {
    const problem = form.querySelector(".saved-problem");
    const button = form.querySelector("button");
    const fields = Object.fromEntries(new FormData(form));
    if (button.disabled) return;
    problem.textContent = "";
    button.disabled = true;
    try {
      const { replaced } = await send("/filters", fields);
      form.reset();
      form.closest("details").open = false;
      focusMenu();
      toast(replaced ? `“${fields.name.trim()}” stands for these filters now.` : `Saved as “${fields.name.trim()}”.`);
      lookAgain();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }

  async function remove(button) {
    button.disabled = true;
    try {
      await send("/filters/remove", { name: button.dataset.removeFilter });
      focusMenu();
      lookAgain();
    } catch (error) {
      toast(error.message, "bad");
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-save-filters]");
    if (!form) return;
    event.preventDefault();
    save(form);
  });

  // A sheet that opens has the focus at once where something is to be typed or said: no key that follows is lost.
  function turn(event, sheet) {
    event.preventDefault();
    sheet.open = !sheet.open;
    if (sheet.open) sheet.querySelector(":scope > form [name=name], :scope > [data-remove-filter]")?.focus();
  }

  document.addEventListener("click", (event) => {
    const summary = event.target.closest(".saved summary");
    if (summary) turn(event, summary.parentElement);
    const button = event.target.closest("[data-remove-filter]");
    if (button) remove(button);
    const followed = event.target.closest(".saved-menu a");
    for (const sheet of document.querySelectorAll(".saved details[open]")) {
      if (followed || !sheet.contains(event.target)) sheet.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    const sheet = event.target.closest?.(".saved details[open]");
    if (!sheet) return;
    event.preventDefault();
    sheet.open = false;
    sheet.querySelector("summary").focus();
  });
})();

// Sends the form of a one-time link by itself; without scripts there is its button.
document.querySelector("form[data-send-at-once]")?.requestSubmit();

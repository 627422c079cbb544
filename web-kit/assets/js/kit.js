// Small behaviours of the shell. Every page works without them.

/** Menus made of <details data-menu>: one open at a time, closed by Escape, by a click outside and by losing focus. */
const menus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("click", (event) => {
  for (const menu of menus()) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details[data-menu][open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

/** Forms with data-confirm="text" ask first. */
const confirmed = new WeakSet();
document.addEventListener("submit", (event) => {
  const form = event.target;
  const text = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  const dialog = document.getElementById("confirm");
  if (!text || !dialog || confirmed.has(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dialog.querySelector("[data-confirm-text]").textContent = text;
  dialog.returnValue = "no";
  const submitter = event.submitter;
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    confirmed.add(form);
    form.requestSubmit(submitter);
    confirmed.delete(form);
  }, { once: true });
  dialog.showModal();
}, true);

/** Forms with data-once are sent once, however often the button is pressed. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  form.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});

/** Buttons with data-reveal="field" show and hide a password. */
const prepareReveal = (root) => {
  for (const button of root.querySelectorAll("button[data-reveal]")) button.hidden = false;
};
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-reveal]");
  const field = button && document.getElementById(button.dataset.reveal);
  if (!field) return;
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
});
prepareReveal(document);
document.addEventListener("htmx:load", (event) => prepareReveal(event.detail.elt));

/** A form that comes back with errors starts at the first of them. */
document.querySelector("[aria-invalid='true']")?.focus();

/** Form controls with data-submit send their form when they change, such as a date or a filter. */
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-submit]")) event.target.form?.requestSubmit();
});

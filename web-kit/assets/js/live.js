// Live fragments: <div data-live="/url"> opens a stream of server-sent events while the page is visible.
//
// An event named N goes to every [data-live-slot="N"] inside: its data, a fragment of HTML, replaces the slot's
// content, or with data-live-mode="prepend" is put first and the list is cut to data-live-max items.
// A [data-live-refresh="N"] inside fetches its own content anew from its data-live-url after an event named N, at most
// every few seconds and not while a person is at work in it.
// A [data-live-state] inside gets data-state="on" or "off" and the text of its data-on or data-off.
// The server ends a stream after a while; the browser comes back and is checked for its session again.

const RETRY_MS = 5000;
const REFRESH_MS = 5000;

class Live {
  constructor(root) {
    this.root = root;
    this.source = null;
    this.timer = null;
    this.everOpen = false;
  }

  start() {
    if (this.source || document.hidden) return;
    this.source = new EventSource(this.root.dataset.live);
    this.source.addEventListener("open", () => {
      this.everOpen = true;
      this.show("on");
    });
    this.source.addEventListener("error", () => {
      if (this.source?.readyState !== EventSource.CLOSED) return;
      // The server refused: signed out, gone, or too busy. Ask again later; after a sign-out the page shows it.
      this.show("off");
      this.stop();
      this.timer = setTimeout(() => this.retry(), RETRY_MS);
    });
    const names = [...this.root.querySelectorAll("[data-live-refresh]")].map((part) => part.dataset.liveRefresh);
    for (const name of new Set([...this.slots().keys(), ...names])) {
      this.source.addEventListener(name, (event) => {
        this.put(name, event.data);
        this.refresh(name);
      });
    }
  }

  refresh(name) {
    for (const part of this.root.querySelectorAll(`[data-live-refresh="${name}"]`)) {
      if (!part.dataset.fetched) {
        // The first event after opening tells what the page shows already.
        part.dataset.fetched = "0";
        continue;
      }
      if (this.waiting) continue;
      const since = Date.now() - Number(part.dataset.fetched);
      this.waiting = setTimeout(() => {
        this.waiting = null;
        if (document.hidden || !part.isConnected || part.contains(document.activeElement)) return;
        part.dataset.fetched = String(Date.now());
        globalThis.htmx?.ajax("GET", part.dataset.liveUrl, { target: part, swap: "innerHTML" });
      }, Math.max(0, REFRESH_MS - since));
    }
  }

  stop() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  async retry() {
    if (document.hidden || !this.root.isConnected) return;
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect" || answer.status === 401) {
        location.reload();
        return;
      }
    } catch {
      // No network: try the stream again, it reports by itself.
    }
    this.start();
    if (!this.source) this.timer = setTimeout(() => this.retry(), RETRY_MS);
  }

  slots() {
    const slots = new Map();
    for (const slot of this.root.querySelectorAll("[data-live-slot]")) {
      const name = slot.dataset.liveSlot;
      slots.set(name, [...(slots.get(name) ?? []), slot]);
    }
    return slots;
  }

  put(name, html) {
    for (const slot of this.slots().get(name) ?? []) {
      const fragment = document.createRange().createContextualFragment(html);
      const added = [...fragment.children];
      if (slot.dataset.liveMode === "prepend") {
        slot.prepend(fragment);
        const most = Number(slot.dataset.liveMax) || 50;
        while (slot.children.length > most) slot.lastElementChild.remove();
        for (const element of added) element.classList.add("is-new");
      } else {
        slot.replaceChildren(fragment);
      }
      for (const element of added) globalThis.htmx?.process(element);
    }
  }

  show(state) {
    for (const element of this.root.querySelectorAll("[data-live-state]")) {
      element.dataset.state = state;
      element.textContent = state === "on" ? element.dataset.on : element.dataset.off;
    }
  }
}

const lives = [...document.querySelectorAll("[data-live]")].map((root) => new Live(root));
for (const live of lives) live.start();

// A browser holds few connections to one host, so hidden tabs let theirs go and catch up when they are seen again.
document.addEventListener("visibilitychange", () => {
  for (const live of lives) {
    if (document.hidden) live.stop();
    else if (live.everOpen && live.root.dataset.liveReload !== undefined) location.reload();
    else live.start();
  }
});
addEventListener("pagehide", () => lives.forEach((live) => live.stop()));
addEventListener("pageshow", (event) => {
  if (event.persisted) lives.forEach((live) => live.start());
});

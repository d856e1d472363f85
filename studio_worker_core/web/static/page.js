// What a page does by itself: listens for changes, keeps drafts, copies, shows chosen files.
// Everything it shows is text that the server escaped, or is set as text here.
(() => {
  "use strict";
  const $ = (selector, inside = document) => inside.querySelector(selector);
  const $$ = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // --- Changes: one stream while the page is seen, and a slow look besides ---
  const events = $("meta[name=events]")?.content;
  let stream = null;
  let lostAt = 0;
  let signedOut = false;

  const tellTopics = (topics) => {
    for (const topic of topics) {
      for (const element of $$(`[data-live~="${CSS.escape(topic)}"]`)) htmx.trigger(element, "live");
    }
  };
  const refreshAll = () => $$("[data-live]").forEach((element) => htmx.trigger(element, "live"));

  const showNotice = (text) => {
    const notice = $("#notice");
    if (!notice) return;
    notice.hidden = !text;
    if (text) $("[data-text]", notice).textContent = text;
    document.body.classList.toggle("is-stale", Boolean(text));
  };
  const lost = () => {
    if (signedOut) return;
    lostAt = lostAt || Date.now();
    const since = new Date(lostAt).toLocaleTimeString();
    showNotice(`No connection since ${since}. What is shown may be old; this page tries again by itself.`);
  };
  const back = () => {
    if (signedOut) return;
    const was = lostAt;
    lostAt = 0;
    showNotice("");
    if (was) refreshAll();
  };
  const isSignedOut = () => {
    signedOut = true;
    stream?.close();
    const how = $("meta[name=sign-in]")?.content || "run “studio-worker ui” to sign in again, then reload this page";
    showNotice(`You are signed out. What you typed stays here: ${how}.`);
  };

  const listen = () => {
    if (!events || stream || document.hidden || signedOut) return;
    stream = new EventSource(events);
    stream.addEventListener("hello", back);
    stream.addEventListener("changed", (event) => tellTopics(event.data.split(" ")));
    stream.onerror = () => {
      // A refused stream is not tried again by the browser; this one is made anew.
      if (stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(listen, 2000);
        fetch($("meta[name=alive]").content).then((answer) => {
          if (answer.status === 401) isSignedOut();
        }, () => {});
      }
      lost();
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else {
      listen();
      refreshAll();
    }
  });
  window.addEventListener("pagehide", () => { stream?.close(); stream = null; });
  window.addEventListener("pageshow", (event) => { if (event.persisted) { listen(); refreshAll(); } });
  setInterval(() => { if (!document.hidden && !signedOut) refreshAll(); }, 10000);

  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401) isSignedOut();
    else if (status !== 422) say(`That did not work (${status}). ${event.detail.xhr.responseText.slice(0, 200)}`, true);
  });
  document.addEventListener("htmx:sendError", lost);

  // --- Said aloud, seldom ---
  let lastSaid = "";
  function say(text, alsoShown = false) {
    if (text === lastSaid) return;
    lastSaid = text;
    const said = $("#said");
    if (said) said.textContent = text;
    const toast = $("#toast");
    if (alsoShown && toast) {
      toast.textContent = text;
      toast.hidden = false;
      clearTimeout(say.timer);
      say.timer = setTimeout(() => { toast.hidden = true; }, 6000);
    }
  }

  const baseTitle = document.title;
  const onShown = () => {
    const told = $("[data-title]");
    document.title = told && told.dataset.title ? `${told.dataset.title} · ${baseTitle}` : baseTitle;
    const words = $("[data-say]");
    if (words) say(words.dataset.say);
    const complaints = $("#complaints");
    if (complaints && !complaints.dataset.seen) {
      complaints.dataset.seen = "1";
      complaints.focus();
    }
    $$("time[datetime]").forEach(showAge);
    follow();
  };

  // --- Logs follow their end, until somebody scrolls up ---
  const MOST_LINES = 1000;
  const follow = () => {
    for (const log of $$("[data-follow]")) {
      const lines = $$(".line", log);
      for (const line of lines.slice(0, Math.max(lines.length - MOST_LINES, 0))) line.remove();
      if (log.dataset.held !== "yes") log.scrollTop = log.scrollHeight;
    }
  };
  document.addEventListener("scroll", (event) => {
    const log = event.target;
    if (log.dataset?.follow === undefined) return;
    log.dataset.held = log.scrollHeight - log.scrollTop - log.clientHeight > 24 ? "yes" : "no";
  }, true);
  document.addEventListener("htmx:afterSettle", onShown);
  document.addEventListener("htmx:afterSettle", (event) => {
    // On a narrow page the result is below the form that was sent.
    const work = event.target.id === "create" && $("#work");
    if (work && work.getBoundingClientRect().top > window.innerHeight * 0.6) work.scrollIntoView();
  });

  // --- Times as ages, the exact one as a title ---
  const ages = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  function showAge(element) {
    const when = new Date(element.dateTime);
    element.title = when.toLocaleString();
    if (element.dataset.as === "clock") {
      element.textContent = when.toLocaleTimeString();
      return;
    }
    const seconds = (when - Date.now()) / 1000;
    const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];
    const [, unit, size] = steps.find(([most]) => Math.abs(seconds) < most);
    element.textContent = unit === "second" && Math.abs(seconds) < 10 ? "now" : ages.format(Math.round(seconds / size), unit);
  }
  setInterval(() => $$("time[datetime]").forEach(showAge), 20000);

  // --- Drafts: what was typed survives a reload and the end of a session ---
  const keyOf = (name) => `draft:${location.host}:${name}`;
  const draftKey = (form) => keyOf(form.dataset.draft);
  const draftFields = (form) => $$("input, select, textarea", form).filter(
    (field) => field.name && !["hidden", "file", "submit"].includes(field.type) && !field.closest("[data-undrafted]"));
  const keepDraft = (form) => {
    const kept = {};
    const onlyChanges = form.dataset.draftChanges !== undefined;
    for (const field of draftFields(form)) {
      if (onlyChanges && field.value === field.defaultValue && field.checked === field.defaultChecked) continue;
      kept[field.name] = field.type === "checkbox" ? field.checked : field.value;
    }
    try { localStorage.setItem(draftKey(form), JSON.stringify(kept)); } catch { /* full or forbidden */ }
  };
  const restoreDraft = (form, isSecond = false) => {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(draftKey(form)) || "null"); } catch { /* not ours */ }
    if (!kept) return;
    if (form.dataset.draftChanges !== undefined && Object.keys(kept).length) say("What was not saved yet is filled in again.", true);
    let asks = null;
    for (const field of draftFields(form)) {
      if (!(field.name in kept) || field.value === kept[field.name]) continue;
      if (field.type === "checkbox") field.checked = Boolean(kept[field.name]);
      else if (field.tagName !== "SELECT" || [...field.options].some((o) => o.value === kept[field.name])) {
        field.value = kept[field.name];
        if (field.hasAttribute("hx-post")) asks = field;
      }
    }
    // Another model has other fields: they are fetched, and filled in then.
    if (asks && !isSecond) {
      document.addEventListener("htmx:afterSettle", () => restoreDraft(form, true), { once: true });
      htmx.trigger(asks, "change");
    }
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form) keepDraft(form);
  });
  const forgetDrafts = () => $$("[data-draft-over]").forEach((each) => {
    try { localStorage.removeItem(keyOf(each.dataset.draftOver)); } catch { /* forbidden */ }
  });
  const restoreAll = () => $$("form[data-draft][data-fresh]").forEach((form) => {
    if (form.dataset.restored) return;
    form.dataset.restored = "1";
    restoreDraft(form);
  });

  // --- Small things ---
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = copy.dataset.copy || $(copy.dataset.copyFrom)?.innerText || "";
      try { await navigator.clipboard.writeText(text); say("Copied.", true); }
      catch { say("The browser does not let this page copy.", true); }
      return;
    }
    const sizer = event.target.closest("[data-size]");
    if (sizer) {
      const [width, height] = sizer.dataset.size.split("x");
      const form = sizer.closest("form");
      form.elements.width.value = width;
      form.elements.height.value = height;
      keepDraft(form);
      return;
    }
    const reset = event.target.closest("[data-reset]");
    if (reset) {
      const form = reset.closest("form");
      try { localStorage.removeItem(draftKey(form)); } catch { /* forbidden */ }
      location.assign(reset.dataset.reset);
      return;
    }
    const zoom = event.target.closest("[data-zoom]");
    if (zoom) {
      const stage = $(zoom.dataset.zoom);
      const isWhole = stage.classList.toggle("is-whole");
      zoom.setAttribute("aria-pressed", String(isWhole));
      return;
    }
    const drop = event.target.closest("[data-unchoose]");
    if (drop) {
      const field = $(drop.dataset.unchoose);
      field.value = "";
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.type !== "file") return;
    const shown = $(`[data-chosen="${field.id}"]`);
    if (!shown) return;
    const picture = $("img", shown);
    if (picture.src) URL.revokeObjectURL(picture.src);
    picture.removeAttribute("src");
    picture.hidden = true;
    const file = field.files[0];
    shown.hidden = !file;
    field.setCustomValidity("");
    if (!file) return;
    const most = Number(field.dataset.most || 0);
    $("[data-name]", shown).textContent = file.name;
    if (most && file.size > most) {
      field.setCustomValidity(`This file is larger than ${field.dataset.mostShown}.`);
      field.reportValidity();
      return;
    }
    if (file.type.startsWith("image/")) {
      picture.src = URL.createObjectURL(file);
      picture.hidden = false;
    }
  });

  // A file dropped beside a field must not replace the page; on a field's box it is chosen.
  const target = (event) => event.target.closest?.("[data-drop]");
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = target(event) ? "copy" : "none";
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    const field = target(event) && $("input[type=file]", target(event));
    if (!field) return;
    const chosen = new DataTransfer();
    chosen.items.add(event.dataTransfer.files[0]);
    field.files = chosen.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("DOMContentLoaded", () => {
    forgetDrafts();
    restoreAll();
    onShown();
    listen();
  });
  document.addEventListener("htmx:afterSettle", restoreAll);

  // What was unfolded stays so when its surroundings are fetched anew.
  let unfolded = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    unfolded = $$("details[open][id]", event.detail.target).map((each) => each.id);
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    unfolded = [];
  });
})();

"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const mechanisms = data.mechanisms.map((each, number) => {
    let latest = 0;
    return {
      ...each,
      steps: each.steps.map(([cycles, kind, text, event, thread, core, panes]) => {
        latest = Math.max(latest, cycles);
        return { cycles, kind, text, event, thread, core, panes, time: latest };
      }),
      at: 0,
      section: document.querySelector(`section[data-mechanism="${number}"]`),
      bar: document.querySelector(`.bar[data-mechanism="${number}"]`),
    };
  });
  if (!mechanisms.length) return;
  const longest = Math.max(1, ...mechanisms.map((each) => each.cycles));
  const COMPARED = new Set(["walk", "directives", "forwarding", "queues", "regions"]); // line by line; the others mark words
  let focus = 0;
  let beside = 1; // the mechanism that had the focus before: these two are shown

  const lines = (each, name, step) => {
    const index = each.steps[step].panes[name];
    return index === undefined ? null : each.texts[index];
  };

  // A styled part may span lines: close and open it again around each newline, so that lines can be marked.
  const split = (html) => {
    const out = [];
    let open = "";
    for (const line of html.split("\n")) {
      const text = open + line;
      const tags = text.match(/<span class="\w+">|<\/span>/g) || [];
      open = tags.length && tags[tags.length - 1] !== "</span>" ? tags[tags.length - 1] : "";
      out.push(open ? text + "</span>" : text);
    }
    return out;
  };

  const plain = (html) => html.replace(/<[^>]+>/g, "");

  const drawPane = (each, pane) => {
    const name = pane.dataset.pane;
    const html = lines(each, name, each.at);
    pane.hidden = html === null && !each.steps.some((step) => name in step.panes);
    if (html === null) {
      pane.querySelector("pre").innerHTML = '<span class="line quiet">not here, or not yet</span>';
      return;
    }
    const step = each.steps[each.at];
    let before = null; // of the same thread's step before
    for (let i = each.at - 1; i >= 0 && before === null; i--)
      if (each.steps[i].thread === step.thread) before = lines(each, name, i);
    const old = !COMPARED.has(name) || before === null ? null : split(before).map(plain);
    pane.querySelector("pre").innerHTML = split(html)
      .map((line, i) => `<span class="line${old && old[i] !== plain(line) ? " changed" : ""}">${line}</span>`)
      .join("");
  };

  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  const draw = (each, number) => {
    const step = each.steps[each.at];
    each.section.classList.toggle("focus", number === focus);
    each.section.classList.toggle("beside", number === beside);
    const list = each.section.querySelector(".steps");
    list.querySelectorAll("[aria-current]").forEach((item) => item.removeAttribute("aria-current"));
    const item = list.children[each.at];
    item.setAttribute("aria-current", "step");
    if (list.clientHeight < list.scrollHeight)
      list.scrollTop = item.offsetTop - list.clientHeight / 2 + item.offsetHeight / 2;
    each.section.querySelector(".now").innerHTML =
      `<b>${escaped(step.kind)}: ${escaped(step.text)}</b>thread ${step.thread}, core ${step.core}, cycle ` +
      `${step.cycles.toLocaleString("en")}, step ${each.at + 1} of ${each.steps.length}` +
      `<p>${escaped(data.words[step.kind] || "")}</p>`;
    each.section.querySelectorAll(".pane").forEach((pane) => drawPane(each, pane));
    each.bar.querySelector("u").style.left = `${Math.min(100, (100 * step.time) / longest)}%`;
  };

  const show = () => {
    const one = mechanisms[focus];
    const time = one.steps[one.at].time;
    mechanisms.forEach((each, number) => {
      if (number !== focus) {
        each.at = 0;
        if (one.at > 0) while (each.at + 1 < each.steps.length && each.steps[each.at + 1].time <= time) each.at++;
      }
      draw(each, number);
    });
    document.getElementById("time").textContent = `${one.mode}: cycle ${time.toLocaleString("en")} of ${one.cycles.toLocaleString("en")}`;
    document.querySelectorAll("#tabs button").forEach((tab, number) => tab.setAttribute("aria-pressed", String(number === focus)));
    try {
      history.replaceState(null, "", `#${one.mode}/${one.at}`);
    } catch {
      // browsers limit how often: then the address lags behind
    }
  };

  const go = (step) => {
    const one = mechanisms[focus];
    one.at = Math.max(0, Math.min(one.steps.length - 1, step));
    show();
  };
  const phase = (way) => {
    const { steps, at } = mechanisms[focus];
    let step = at + way;
    while (steps[step] && steps[step].kind === "instruction") step += way;
    go(step);
  };
  const turnTo = (number) => {
    if (number === focus) return;
    beside = focus;
    focus = number;
  };
  const choose = (number) => {
    turnTo((number + mechanisms.length) % mechanisms.length);
    show();
  };
  const toggleKeys = () => {
    const keys = document.getElementById("keys");
    keys.hidden = !keys.hidden;
  };

  const actions = {
    ArrowRight: () => go(mechanisms[focus].at + 1), ArrowLeft: () => go(mechanisms[focus].at - 1),
    ArrowDown: () => phase(1), ArrowUp: () => phase(-1),
    Home: () => go(0), End: () => go(Infinity), m: () => choose(focus + 1), "?": toggleKeys,
  };
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  const onClick = (id, key) => document.getElementById(id).addEventListener("click", actions[key]);
  onClick("first", "Home"); onClick("back", "ArrowLeft"); onClick("on", "ArrowRight"); onClick("last", "End");
  onClick("phase", "ArrowDown"); onClick("help", "?");
  document.querySelectorAll("#tabs button").forEach((tab, number) => tab.addEventListener("click", () => choose(number)));
  mechanisms.forEach((each, number) => {
    each.section.querySelector(".steps").addEventListener("click", (event) => {
      const item = event.target.closest("li");
      if (!item) return;
      turnTo(number);
      go(Number(item.dataset.step));
    });
    each.bar.querySelector(".track").addEventListener("click", (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      const time = ((event.clientX - box.left) / box.width) * longest;
      turnTo(number);
      go(each.steps.filter((step) => step.time <= time).length - 1);
    });
    each.section.querySelectorAll(".pane").forEach((pane) =>
      pane.addEventListener("toggle", () =>
        document.querySelectorAll(`.pane[data-pane="${pane.dataset.pane}"]`).forEach((other) => (other.open = pane.open))));
    let before = null;
    for (const item of each.section.querySelectorAll(".step")) {
      const cycles = item.querySelector(".cycles").textContent;
      item.classList.toggle("same", cycles === before);
      before = cycles;
    }
  });

  // A swipe over what is happening now is a step.
  let start = null;
  document.addEventListener("touchstart", (event) => {
    const touch = event.touches[0];
    start = event.target.closest("pre, .steps") ? null : { x: touch.clientX, y: touch.clientY };
  }, { passive: true });
  document.addEventListener("touchend", (event) => {
    if (!start) return;
    const touch = event.changedTouches[0];
    const [dx, dy] = [touch.clientX - start.x, touch.clientY - start.y];
    if (Math.abs(dx) > 40 && Math.abs(dx) > 2 * Math.abs(dy)) go(mechanisms[focus].at + (dx < 0 ? 1 : -1));
  }, { passive: true });

  const [mode, step] = decodeURIComponent(location.hash.slice(1)).split("/");
  const linked = mechanisms.findIndex((each) => each.mode === mode);
  if (linked >= 0) turnTo(linked);
  go(Number(step) || 0);
})();

// The documentation's search and theme. The index is loaded when the search is used first; nothing here
// makes markup out of text.
(() => {
  let theme = "system";
  try {
    theme = JSON.parse(localStorage.getItem("leat.prefs") || "{}").theme || "system";
  } catch {
    /* the browser keeps nothing */
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    document.documentElement.dataset.theme = theme === "dark" || (theme === "system" && dark.matches) ? "dark" : "light";
  };
  paint();
  dark.addEventListener("change", paint);

  const SHOWN = 12;
  let index = null;

  /** How well all words fit; 0: one is not there. */
  function score(words, [url, page, heading, text]) {
    let all = 0;
    for (const word of words) {
      const place = (s, weight) => {
        const at = s.toLowerCase().indexOf(word);
        return at < 0 ? 0 : weight + (at === 0 || /\W/.test(s[at - 1]) ? weight : 0);
      };
      const one = place(heading, 20) + place(page, 10) + place(text, 2);
      if (one === 0) return 0;
      all += one;
    }
    // What was decided and why is looked for last.
    return url.startsWith("decisions/") ? all / 4 : all;
  }

  function show(box, up, wanted) {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    box.replaceChildren();
    if (words.length === 0) return;
    const found = index.map((row) => [score(words, row), row]).filter(([n]) => n > 0).sort((a, b) => b[0] - a[0]).slice(0, SHOWN);
    if (found.length === 0) {
      const none = document.createElement("p");
      none.textContent = `Nothing for “${wanted}”.`;
      box.append(none);
    }
    for (const [, [url, page, heading, text]] of found) {
      const link = document.createElement("a");
      link.href = up + url || "./";
      const title = document.createElement("b");
      title.textContent = heading === page ? page : `${heading} · ${page}`;
      const rest = document.createElement("span");
      const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 40);
      rest.textContent = (at > 0 ? "…" : "") + text.slice(at, at + 140);
      link.append(title, rest);
      box.append(link);
    }
  }

  addEventListener("DOMContentLoaded", () => {
    const up = document.body.dataset.up;
    const input = document.querySelector("header input");
    const box = document.getElementById("found");
    const look = async () => {
      if (!index) index = await (await fetch(`${up}a/index.json`)).json();
      show(box, up, input.value.trim());
    };
    input.addEventListener("input", look);
    input.addEventListener("keydown", (e) => {
      const links = [...box.querySelectorAll("a")];
      if (e.key === "Enter" && links[0]) links[0].click();
      if (e.key === "ArrowDown" && links[0]) links[0].focus();
      if (e.key === "Escape") {
        input.value = "";
        box.replaceChildren();
      }
    });
    box.addEventListener("keydown", (e) => {
      const links = [...box.querySelectorAll("a")];
      const at = links.indexOf(document.activeElement);
      if (e.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)].focus();
      else if (e.key === "ArrowUp") (at > 0 ? links[at - 1] : input).focus();
      else if (e.key === "Escape") input.focus();
      else return;
      e.preventDefault();
    });
    box.addEventListener("click", () => {
      input.value = "";
      box.replaceChildren();
    });
    addEventListener("keydown", (e) => {
      if (e.key !== "/" || e.target.matches("input")) return;
      e.preventDefault();
      input.focus();
    });
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "center" });
    if (!location.hash) scrollTo(0, 0);
  });
})();

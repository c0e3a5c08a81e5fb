// An article on the page.

import { node, reason, setText, showLine, showMarkdown } from "/dom.js";

const STATUS = { waiting: "waits for a worker", working: "being written", succeeded: "finished", failed: "failed", cancelled: "cancelled" };
const MARK = { waiting: "planned", working: "working", succeeded: "done", failed: "failed", cancelled: "cancelled" };
const ALONE = ["research", "outline", "edit"];

/// A card for a run.
export function newCard(run, { onCancel, onClose }) {
  const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
  card.dataset.run = run;
  card.querySelector(".cancel").addEventListener("click", onCancel);
  card.querySelector(".close").addEventListener("click", onClose);
  return card;
}

/// Shows how an article stands, and how it is followed.
export function showCard(card, article, connection) {
  const over = !["waiting", "working"].includes(article.status);
  card.dataset.status = connection === "unknown" ? "unknown" : article.status;
  setText(card.querySelector("h2"), article.title || article.topic || card.dataset.run);
  showMark(card.querySelector(".top .mark"), article.status, connection);
  setText(card.querySelector(".about"), about(article));
  card.querySelector(".cancel").hidden = over;
  showStages(card.querySelector(".stages"), article);
  showSections(card.querySelector(".sections"), article);
  const edit = [...article.stages.values()].find((stage) => stage.name === "edit");
  const whole = article.whole || edit?.text || "";
  const drafts = card.querySelector(".drafts");
  drafts.hidden = drafts.querySelector(".section") === null;
  // Once: whoever opens the drafts again keeps them open.
  if (whole && !card.dataset.edited) {
    card.dataset.edited = "yes";
    drafts.open = false;
  }
  showMarkdown(card.querySelector(".whole"), whole);
}

function showMark(mark, status, connection) {
  const [className, text] =
    connection === "unknown" ? ["failed", "no such article"]
    : connection === "lost" ? ["retrying", "connecting again"]
    : [MARK[status], STATUS[status]];
  mark.className = `mark ${className}`;
  setText(mark, text);
}

function about(article) {
  const parts = [];
  if (article.title) parts.push(`On “${article.topic}”`);
  if (article.tokens > 0) parts.push(`${article.tokens} tokens`);
  if (article.takeovers > 0) parts.push(`went on in another worker ${article.takeovers}×`);
  if (article.error) parts.push(reason(article.error));
  return parts.join(" · ");
}

function showStages(list, article) {
  const known = [...article.stages.values()];
  const states = ALONE.map((name) => known.find((stage) => stage.name === name) ?? { name, state: "planned" });
  if (list.children.length === 0) {
    for (const { name } of states) {
      const item = node("li", "", name[0].toUpperCase() + name.slice(1));
      item.append(node("span", "mark"));
      list.append(item);
    }
  }
  states.forEach((stage, at) => showState(list.children[at].querySelector(".mark"), stage));
}

function showState(mark, stage) {
  mark.className = `mark ${stage.state}`;
  setText(mark, stage.state === "retrying" ? `again: ${reason(stage.error)}` : stage.state);
}

function showSections(list, article) {
  const written = [...article.stages.values()].filter((stage) => stage.name === "write_section");
  article.planned.forEach((heading, at) => {
    const section = list.children[at] ?? list.appendChild(newSection());
    const stage = written.find((stage) => stage.label === heading) ?? { state: "planned", text: "" };
    showLine(section.querySelector("h3"), heading);
    showState(section.querySelector(".mark"), stage);
    const text = section.querySelector(".text");
    const grew = text.textContent !== stage.text;
    setText(text, stage.text);
    if (grew && stage.state === "working") text.scrollTop = text.scrollHeight;
  });
}

function newSection() {
  const section = node("section", "section");
  const top = node("div", "top");
  top.append(node("h3"), node("span", "mark"));
  const text = node("div", "text prose");
  // It scrolls, so it must be reached without a mouse.
  text.tabIndex = 0;
  section.append(top, text);
  return section;
}

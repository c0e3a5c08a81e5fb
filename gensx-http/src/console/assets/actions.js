// What can be asked of a run: to end, to begin anew, to be forgotten.

import { announce, freshId, h, say } from "./dom.js";
import { cancel, remove, retry } from "./api.js";

export function actionsOf(id) {
  const wrong = h("p", { class: "problem", role: "alert", hidden: true });
  const button = (word, action, kind = "") => {
    const element = h("button", { type: "button", class: kind, hidden: true }, word);
    element.addEventListener("click", () => perform(element, word, action));
    return element;
  };
  const perform = async (element, word, action) => {
    element.disabled = true;
    wrong.hidden = true;
    try {
      await action();
    } catch (error) {
      say(wrong, `${word}: ${error.message}`);
      wrong.hidden = false;
    } finally {
      element.disabled = false;
    }
  };
  const ends = button("Cancel run", async () => {
    await cancel(id);
    announce("Cancelling is asked for");
  });
  const anew = button(
    "Retry",
    async () => {
      const { id: next } = await retry(id);
      location.hash = `#/run/${encodeURIComponent(next)}`;
    },
    "primary",
  );
  const confirm = confirmation(id, () =>
    perform(gone, "Delete", async () => {
      await remove(id);
      announce(`Run ${id} is deleted`);
      location.hash = "#/";
    }),
  );
  const gone = h(
    "button",
    { type: "button", class: "danger", hidden: true, "aria-haspopup": "dialog", onclick: () => confirm.showModal() },
    "Delete",
  );
  const element = h("div", { class: "actions" }, ends, anew, gone, confirm, wrong);
  const update = (run) => {
    ends.hidden = run.endedAt !== null || run.startedAt === null;
    anew.hidden = run.status !== "failed" && run.status !== "cancelled";
    gone.hidden = run.endedAt === null;
  };
  return { element, update };
}

function confirmation(id, yes) {
  const title = freshId();
  const dialog = h(
    "dialog",
    { "aria-labelledby": title },
    h("h2", { id: title }, "Delete this run?"),
    h(
      "p",
      {},
      "Its events, its output and its messages are gone then, for everybody: ",
      h("span", { class: "id" }, id),
    ),
    h(
      "div",
      { class: "dialog-tools" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Keep it"),
      h("button", { type: "button", class: "danger", onclick: () => (dialog.close(), yes()) }, "Delete it"),
    ),
  );
  return dialog;
}

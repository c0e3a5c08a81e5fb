// An article from a run's events: a fold, without a page and without a network.

const STAGES = { research: "Research", outline: "Outline", write_section: "Section", edit: "Edit" };

/// An article of which nothing is known yet.
export function unknownArticle() {
  return {
    topic: "",
    title: "",
    // waiting, working, succeeded, failed, cancelled
    status: "waiting",
    error: null,
    whole: "",
    takeovers: 0,
    tokens: 0,
    // What the outline plans, by headings.
    planned: [],
    // By call, in the order in which they began.
    stages: new Map(),
  };
}

/// Takes the next event.
export function apply(article, event) {
  switch (event.type) {
    case "run.started":
      article.topic = event.input ?? "";
      break;
    case "run.claimed":
      // The first claim is how every run of a fleet begins.
      if (article.status === "waiting") article.status = "working";
      else article.takeovers += 1;
      break;
    case "run.ended":
      article.status = event.status;
      article.error = event.error ?? null;
      article.whole = event.output ?? article.whole;
      break;
    case "usage":
      article.tokens += (event.usage.input_tokens ?? 0) + (event.usage.output_tokens ?? 0);
      break;
    case "component.started":
      begin(article, event);
      break;
    default:
      step(article.stages.get(event.call), event, article);
  }
}

function begin(article, event) {
  if (!(event.name in STAGES)) return;
  const stage = article.stages.get(event.call);
  // A call that begins again, after a crash or with its parent's next attempt, writes its text anew.
  if (stage) Object.assign(stage, { state: "working", text: "", error: null });
  else {
    const label = event.label ?? STAGES[event.name];
    article.stages.set(event.call, { name: event.name, label, state: "working", text: "", error: null, retries: 0 });
  }
}

function step(stage, event, article) {
  if (!stage) return;
  switch (event.type) {
    case "text":
      stage.state = "working";
      stage.text += event.text;
      break;
    case "component.retried":
      stage.state = "retrying";
      stage.error = event.error;
      stage.retries += 1;
      stage.text = "";
      break;
    case "component.ended":
      stage.state = event.status === "succeeded" ? "done" : event.status;
      stage.error = event.error ?? null;
      if (event.status === "succeeded") deliver(stage, event.output, article);
      break;
  }
}

/// What a stage gives. Its text was streamed; one that was known already, and streamed nothing, has it here alone.
function deliver(stage, output, article) {
  if (stage.name === "outline") {
    article.title = output.title;
    article.planned = output.sections.map((section) => section.heading);
  }
  if (stage.name === "write_section") stage.text ||= output.text;
  if (stage.name === "edit") stage.text ||= output;
}

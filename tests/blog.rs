//! The main job as a user runs it: the built example, real HTTP to its model server, a file or a Redis server for the
//! run, and SIGKILL.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gensx::event::Outcome;
use gensx::sink::{Entry, MAX_PAGE};
use gensx::{Event, EventKind, RunId};
use gensx_test_servers::RedisServer;
use serde::Deserialize;
use tempfile::TempDir;

/// A topic that this project's own dependencies speak of.
const TOPIC: &str = "asynchronous streams";
/// An article takes a few seconds; on a busy machine, a few more.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The moments at which runs are killed, one run for each: within requests, and right after stages have ended.
const MOMENTS: [Moment; 8] = [
    Moment::Requests(1),
    Moment::Done(1),
    Moment::Requests(2),
    Moment::Done(2),
    Moment::Requests(4),
    Moment::Done(3),
    Moment::Requests(6),
    Moment::Done(5),
];

/// A line of the model server's log.
#[derive(Debug, Deserialize)]
struct Request {
    run: String,
    stage: String,
    key: String,
    status: u16,
    fault: Option<String>,
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Once the model server has had this many requests.
    Requests(usize),
    /// Once this many stages are told to be done.
    Done(usize),
}

/// A folder in which runs are kept, and the program that works on them.
struct Desk {
    folder: TempDir,
    /// Where the runs are, if not in a file of the folder.
    server: Option<RedisServer>,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: None }
    }

    fn on_redis() -> Self {
        Self { server: Some(RedisServer::start()), ..Self::new() }
    }

    /// The sink, as the environment names it.
    fn sink(&self) -> String {
        match &self.server {
            Some(server) => server.url(),
            None => format!("sqlite:{}", self.file("runs.db").display()),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .arg("--model-log")
            .arg(self.file("requests.jsonl"))
            .env("GENSX_SINK", self.sink())
            // The material is this project's dependency tree.
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null());
        for variable in ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Starts the program and kills it at a moment. Gives the run's id.
    fn start_and_kill(&self, args: &[&str], moment: Moment) -> RunId {
        let errors = fs::File::create(self.file("stderr")).unwrap();
        let child = self.command(args).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        let mut child = KillOnDrop(child);
        wait_for("the moment of the kill", || {
            assert!(child.0.try_wait().unwrap().is_none(), "it ended before the kill:\n{}", self.stderr());
            match moment {
                Moment::Requests(count) => self.requests().len() >= count,
                Moment::Done(count) => {
                    self.stderr().lines().filter(|line| line.contains(": done")).count() >= count
                }
            }
        });
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        run_id(&self.stderr())
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.file("stderr")).unwrap()
    }

    fn requests(&self) -> Vec<Request> {
        let text = fs::read_to_string(self.file("requests.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The stages that the run's stream says are finished, as the model server's log names them.
    fn finished(&self, run: &RunId) -> BTreeSet<String> {
        let (mut stages, mut finished) = (BTreeMap::new(), BTreeSet::new());
        for entry in stored(&self.sink(), run) {
            let event = Event::decode(entry.id, &entry.payload).unwrap();
            match event.kind {
                EventKind::Started { name, label, .. } => {
                    stages.insert(event.call, stage_in_log(&name, label.as_deref()));
                }
                EventKind::Ended { outcome: Outcome::Output { .. } } => {
                    finished.extend(stages.get(&event.call).cloned());
                }
                _ => {}
            }
        }
        finished
    }
}

fn stage_in_log(component: &str, label: Option<&str>) -> String {
    let Some(label) = label else { return component.to_owned() };
    // Headers are ASCII.
    let label: String =
        label.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    format!("section: {label}")
}

/// A child that does not outlive a failed test.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The example's binary, built once.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| gensx_test_servers::example("blog"))
}

/// A run's stream, read from the sink as it is.
#[tokio::main(flavor = "current_thread")]
async fn stored(sink: &str, run: &RunId) -> Vec<Entry> {
    let sink = gensx::sink_from_url(sink).await.unwrap();
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.id.seq);
        let page = sink.read(run, after, MAX_PAGE).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The run's id, from the line that tells how to resume it.
fn run_id(stderr: &str) -> RunId {
    let line = stderr.lines().find_map(|line| line.strip_prefix("run: "));
    let id = line.and_then(|line| line.split_whitespace().next());
    id.unwrap_or_else(|| panic!("no run in:\n{stderr}")).parse().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}:\n{}", output.status, text(&output.stderr));
    text(&output.stdout)
}

/// An article has a title, an introduction, sections with text that quotes, and its sources.
fn assert_whole(article: &str) {
    let parts: Vec<&str> = article.split("\n## ").collect();
    let [first, sections @ .., sources] = parts.as_slice() else { panic!("no sections in:\n{article}") };
    assert!(first.starts_with("# ") && first.lines().count() >= 3, "no title and introduction:\n{article}");
    assert!(sections.len() >= 3, "too few sections:\n{article}");
    for section in sections {
        assert!(section.contains("\n> "), "a section without a quotation: {section}");
    }
    assert!(sources.starts_with("Sources\n\n- "), "no sources:\n{article}");
}

/// The article, and the requests it takes when nothing happens on the way.
fn undisturbed() -> &'static (String, usize) {
    static ARTICLE: OnceLock<(String, usize)> = OnceLock::new();
    ARTICLE.get_or_init(|| {
        let desk = Desk::new();
        let article = succeeded(&desk.run(&[TOPIC]));
        (article, desk.requests().len())
    })
}

#[test]
fn an_article_is_whole_and_every_stage_asks_once() {
    let desk = Desk::new();
    let output = desk.run(&[TOPIC]);
    let article = succeeded(&output);
    assert_whole(&article);

    let requests = desk.requests();
    let stages: BTreeSet<&str> = requests.iter().map(|request| request.stage.as_str()).collect();
    assert_eq!(stages.len(), requests.len(), "a stage asked twice: {requests:?}");
    assert!(
        stages.contains("research") && stages.contains("outline") && stages.contains("edit"),
        "{stages:?}"
    );
    let keys: BTreeSet<&str> = requests.iter().map(|request| request.key.as_str()).collect();
    assert_eq!(keys.len(), requests.len(), "two requests with one idempotency key: {requests:?}");

    let stderr = text(&output.stderr);
    let run = run_id(&stderr).to_string();
    assert!(requests.iter().all(|request| request.run == run && request.status == 200), "{requests:?}");
    assert!(stderr.contains(&format!("usage: {} answers", requests.len())), "{stderr}");
}

#[test]
fn an_article_is_whole_when_the_model_server_fails() {
    let desk = Desk::new();
    assert_eq!(succeeded(&desk.run(&[TOPIC, "--flaky=7"])), undisturbed().0);
    let faults: BTreeSet<String> = desk.requests().into_iter().filter_map(|request| request.fault).collect();
    assert!(faults.len() >= 3, "the server hardly failed: {faults:?}");
}

/// Kills a run and resumes it: what had finished is not asked again. Gives how many stages had finished.
fn killed_and_resumed(desk: &Desk, moment: Moment, more: &[&str]) -> usize {
    let run = desk.start_and_kill(&[&[TOPIC], more].concat(), moment);
    let asked_before = desk.requests().len();
    let finished = desk.finished(&run);

    let output = desk.run(&[&["--resume", run.as_str()], more].concat());
    assert_eq!(succeeded(&output), undisturbed().0, "killed at {moment:?}");
    for request in &desk.requests()[asked_before..] {
        assert!(
            !finished.contains(&request.stage),
            "`{}` had finished and is asked again, killed at {moment:?}",
            request.stage
        );
    }
    finished.len()
}

fn killed_at_every_moment(desk: fn() -> Desk, more: &[&str]) {
    // A run mostly waits, so that all of them at once take hardly longer than one.
    std::thread::scope(|scope| {
        let runs = MOMENTS.map(|moment| scope.spawn(move || killed_and_resumed(&desk(), moment, more)));
        let finished = runs.map(|run| run.join().unwrap());
        assert!(finished.iter().any(|count| *count >= 3), "every kill came early: {finished:?}");
        assert!(finished.iter().any(|count| *count < 3), "every kill came late: {finished:?}");
    });
}

#[test]
fn killed_at_any_moment_it_goes_on_and_asks_nothing_twice() {
    killed_at_every_moment(Desk::new, &[]);
}

#[test]
fn killed_at_any_moment_it_goes_on_from_redis() {
    killed_at_every_moment(Desk::on_redis, &[]);
}

#[test]
fn killed_at_any_moment_while_the_model_server_fails_it_goes_on() {
    killed_at_every_moment(Desk::new, &["--flaky=7"]);
}

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_its_end() {
    let (expected, stages) = undisturbed();
    let desk = Desk::new();
    let run = desk.start_and_kill(&[TOPIC], Moment::Requests(1));
    let mut finished = desk.finished(&run);
    // Each process is killed once it has brought one stage more to its end, so there are at most as many as stages.
    while finished.len() + 1 < *stages {
        desk.start_and_kill(&["--resume", run.as_str()], Moment::Done(finished.len() + 1));
        let now = desk.finished(&run);
        assert!(finished.is_subset(&now) && finished.len() < now.len(), "from {finished:?} to {now:?}");
        finished = now;
    }
    assert_eq!(&succeeded(&desk.run(&["--resume", run.as_str()])), expected);
}

#[test]
fn an_ended_run_gives_its_article_without_asking() {
    let desk = Desk::new();
    let output = desk.run(&[TOPIC]);
    let asked = desk.requests().len();
    let again = desk.run(&[TOPIC, "--resume", run_id(&text(&output.stderr)).as_str()]);
    assert_eq!(succeeded(&again), text(&output.stdout));
    assert_eq!(desk.requests().len(), asked);
}

#[test]
fn a_run_keeps_its_topic() {
    let desk = Desk::new();
    let run = desk.start_and_kill(&[TOPIC], Moment::Requests(1));
    let output = desk.run(&["parsing", "--resume", run.as_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(&format!("is about `{TOPIC}`")), "{}", text(&output.stderr));
    assert_eq!(&succeeded(&desk.run(&[TOPIC, "--resume", run.as_str()])), &undisturbed().0);
}

#[test]
fn mistakes_say_what_to_do() {
    for (args, status, part) in [
        (&[][..], 2, "no topic"),
        (&["zyxwv qwrtz"], 1, "none of the"),
        (&["--resume", "no-such-run"], 1, "no-such-run"),
    ] {
        let output = Desk::new().run(args);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(part), "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?} wrote to standard output");
    }
}

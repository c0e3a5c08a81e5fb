use gensx::testing::TestRuntime;

fn research(topic: String) -> String {
    topic
}

fn main() {
    TestRuntime::new().fail(research, ["down"]);
}

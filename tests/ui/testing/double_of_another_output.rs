use gensx::{prelude::*, testing::TestRuntime};

#[component]
async fn research(topic: String) -> gensx::Result<Vec<String>> {
    Ok(vec![topic])
}

fn main() {
    TestRuntime::new().replace(research, |topic: String| async move { Ok(topic) });
}

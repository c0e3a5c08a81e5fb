use gensx::component;

const POLICY: gensx::RetryPolicy = gensx::RetryPolicy::new(3);

#[component(retry = POLICY, retry(max_attempts = 4))]
async fn research(topic: String) -> gensx::Result<String> {
    Ok(topic)
}

fn main() {}

use gensx::prelude::*;

#[component]
async fn count(text: String) -> gensx::Result<usize> {
    Ok(text.len())
}

fn main() {
    Workflow::new("w", count).map(|count| count + 1).retry(RetryPolicy::new(2));
}

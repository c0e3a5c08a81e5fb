use std::time::Duration;

use gensx::component;

struct Search;

impl Search {
    const LIMIT: Duration = Duration::from_secs(30);

    #[component(timeout = Self::LIMIT)]
    async fn research(&self, topic: String) -> gensx::Result<String> {
        Ok(format!("{topic} within {:?}", Self::LIMIT))
    }
}

fn main() {}

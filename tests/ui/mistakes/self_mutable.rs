use gensx::component;

struct Search {
    count: usize,
}

impl Search {
    #[component]
    async fn research(&mut self, topic: String) -> gensx::Result<String> {
        self.count += topic.len();
        Ok(topic)
    }
}

fn main() {}

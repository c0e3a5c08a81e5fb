use std::cell::Cell;

use gensx::component;

struct Search {
    count: Cell<usize>,
}

impl Search {
    #[component]
    async fn research(&self) -> gensx::Result<usize> {
        Ok(self.count.get())
    }
}

fn main() {}

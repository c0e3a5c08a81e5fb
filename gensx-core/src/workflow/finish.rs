use std::sync::Arc;

use super::{Last, Options, Workflow};

impl<I: Send + 'static, O: Send + 'static, S: Last> Workflow<I, O, S> {
    /// The workflow as a type that can be named, for a function's return or a field. More stages may follow; the last
    /// one so far takes no more options.
    #[must_use]
    pub fn finish(self) -> Workflow<I, O> {
        let stages = self.so_far();
        Workflow {
            spec: self.spec,
            stages: self.stages,
            before: super::start(),
            last: Arc::new(move |input, _| stages(input)),
            options: Options::default(),
        }
    }
}

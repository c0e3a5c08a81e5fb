//! Saying which component is meant: by its function, or by a name.

use std::any::type_name;

use crate::{Call, call::Seen};

/// A component, as a test names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name {
    /// The type name of its function.
    Function(&'static str),
    /// The name of the component, or the end of its function's path.
    Text(String),
}

impl Name {
    /// # Panics
    /// For a closure or a function pointer, which do not say which function they call.
    pub(super) fn of_function<F>() -> Self {
        let name = type_name::<F>();
        assert!(
            !name.ends_with("{{closure}}") && !name.starts_with("fn("),
            "a component is told by its function's own name, such as `research` or `Searcher::search`, and `{name}` is a \
             closure or a pointer: pass the function itself, or its name as text"
        );
        Self::Function(name)
    }

    pub(super) fn is(&self, name: &str, function: &str) -> bool {
        match self {
            Self::Function(wanted) => *wanted == function,
            Self::Text(wanted) => wanted == name || ends_with_path(&plain(function), wanted),
        }
    }

    pub(super) fn is_of(&self, call: &Seen<'_>) -> bool {
        self.is(call.name, call.function)
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Function(name) => name,
            Self::Text(name) => name,
        }
    }
}

fn ends_with_path(path: &str, end: &str) -> bool {
    path.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with("::"))
}

/// A path without the type arguments that `type_name` adds.
fn plain(path: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::with_capacity(path.len());
    // A leading `<` opens `<Type as Trait>::method`.
    for letter in path.chars() {
        match letter {
            '<' if !kept.is_empty() => depth += 1,
            '>' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(letter),
            _ => {}
        }
    }
    kept
}

/// A component: its function (`research`, `Searcher::search`), or its name as text (`"research"`, `"Searcher::search"`).
///
/// A name as text is the component's name, or the end of its function's path. Functions are told apart by their path
/// and their type arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no component",
    label = "neither a component's function nor a name",
    note = "pass the function itself, such as `research`, or its name as text, such as \"Searcher::search\""
)]
pub trait Which<Marker>: sealed::Sealed<Marker> {}

impl<W: sealed::Sealed<M>, M> Which<M> for W {}

pub(super) mod sealed {
    use super::Name;

    #[doc(hidden)]
    pub trait Sealed<Marker> {
        fn name(self) -> Name;
    }
}

/// A component that is named by text.
#[derive(Debug)]
pub enum ByText {}

impl sealed::Sealed<ByText> for &str {
    fn name(self) -> Name {
        Name::Text(self.to_owned())
    }
}

macro_rules! by_function {
    ($($argument:ident)*) => {
        impl<Function, $($argument,)* Output> sealed::Sealed<fn($($argument),*) -> Output> for Function
        where
            Function: Fn($($argument),*) -> Call<'static, Output>,
        {
            fn name(self) -> Name {
                Name::of_function::<Function>()
            }
        }
    };
}

by_function!();
by_function!(A);
by_function!(A B);
by_function!(A B C);
by_function!(A B C D);
by_function!(A B C D E);
by_function!(A B C D E F);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_components_or_the_end_of_its_path() {
        let name = |text: &str| Name::Text(text.to_owned());
        let function = "my::tools::Searcher<alloc::string::String>::search";
        assert!(name("find").is("find", function));
        assert!(name("Searcher::search").is("find", function));
        assert!(name("search").is("find", function));
        assert!(!name("earch").is("find", function));
        assert!(!name("Searcher").is("find", function));
        assert_eq!(plain("<my::S<i32> as my::Tr>::f"), "<my::S as my::Tr>::f");
    }
}

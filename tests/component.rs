//! What `#[component]` makes of a function: how it is declared, how it is called, what its body sees.

mod component {
    mod arguments;
    mod body;
    mod generics;
    mod methods;
    mod surroundings;
}

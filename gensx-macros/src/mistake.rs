//! Every mistake that the macro can report: its name, and its message in the user's words.
//!
//! The name of a mistake is also the name of its compile-fail case (`tests/ui` of the workspace); a test enforces
//! the pairing.

use std::fmt;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Declares the mistakes as an enum, each with the text that it shows.
macro_rules! mistakes {
    ($($name:ident $({ $($field:ident),+ })? => $text:literal,)+) => {
        /// Something in the user's code that the macro refuses.
        #[derive(Debug)]
        pub(crate) enum Mistake {
            $($name $({ $($field: String),+ })?,)+
        }

        #[cfg(test)]
        impl Mistake {
            /// The names of all mistakes, in the order of the table.
            pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// The name of this one.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => stringify!($name),)+
                }
            }
        }

        impl fmt::Display for Mistake {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $({ $($field),+ })? => write!(f, $text),)+
                }
            }
        }
    };
}

mistakes! {
    // The list of options.
    OptionWithoutName =>
        "options have names: write `name = \"research\"`, `timeout = \"30s\"` and so on",
    OptionWithoutValue { option, form } =>
        "`{option}` needs a value: write `{form}`",
    OptionWithoutComma { option } =>
        "options are separated by commas: put a comma after `{option}`",
    OptionInParentheses { option, form } =>
        "`{option}` takes one value: write `{form}`",
    UnreadableValue { option, form } =>
        "cannot read the value of `{option}`: write `{form}`",
    UnknownOption { option, hint } =>
        "unknown option `{option}`{hint}",
    UnknownRetrySetting { setting, hint } =>
        "`retry` has no setting `{setting}`{hint}",
    UnknownCacheSetting { setting, hint } =>
        "`cache` has no setting `{setting}`{hint}",
    RepeatedOption { option } =>
        "`{option}` is given twice: keep one",
    RetryTwoWays =>
        "`retry` is given as a policy and as settings: keep one of `retry = POLICY` and `retry(..)`",
    ArgumentInOption { option, argument, remedy } =>
        "`{option}` is the same for every call and cannot depend on the argument `{argument}`: {remedy}",
    SelfInOption { option } =>
        "`{option}` is the same for every call and cannot name `self` or `Self`: write the type's own name",

    // name, version, durability, crate, fallback.
    NameNotText =>
        "the name of a component is fixed text, since recorded runs refer to it: write `name = \"research\"`",
    NameEmpty =>
        "the name of a component cannot be empty: write `name = \"research\"`, or leave `name` out to use the \
         function's name",
    NameNotPlain { found } =>
        "the name of a component cannot {found}: it is shown in paths, logs and pages",
    VersionNotInteger =>
        "a version is an integer: write `version = 2`",
    VersionTooLarge { max } =>
        "a version is at most {max}: count up by one, as in `version = 2`",
    DurabilityNotText =>
        "durability is named by text: write `durability = \"strict\"` or `durability = \"pipelined\"`",
    DurabilityUnknown { found, hint } =>
        "there is no durability \"{found}\"{hint}",
    CrateNotPath =>
        "`crate` takes the path at which gensx is found: write `crate = my_sdk::gensx`",
    FallbackNotPath =>
        "`fallback` takes the path of a function: write `fallback = offline_answer`, with \
         `fn offline_answer(error: gensx::Error, ..inputs) -> Output` next to the component",

    // retry.
    RetryWithoutSettings =>
        "`retry` does not say how often: write `retry(max_attempts = 4)`, which counts the first call",
    RetryNumber =>
        "`retry` has named settings: write `retry(max_attempts = 4)`, which counts the first call, or \
         `retry = POLICY` with a `gensx::RetryPolicy`",
    RetryWithoutAttempts =>
        "`retry` needs a bound: add `max_attempts = 4`, which counts the first call",
    AttemptsZero =>
        "`max_attempts` counts the first call, so 0 would never call the function: write 1 for no retries, 2 \
         for one retry",
    AttemptsNotInteger =>
        "`max_attempts` is an integer that counts the first call: write `max_attempts = 4`",
    AttemptsTooMany { max } =>
        "`max_attempts` is at most {max}",
    FactorNotNumber =>
        "`factor` is the number by which each delay grows: write `factor = 2.0`",
    FactorBelowOne =>
        "`factor` below 1 would shorten the delays: write 1.0 for equal delays, 2.0 to double each one",
    FactorNotFinite =>
        "`factor` is too large to be a number: write `factor = 2.0` to double each delay",
    JitterNotBool =>
        "`jitter` is on or off: write `jitter = true` or `jitter = false`",
    MaxBelowInitial { max, initial } =>
        "the longest delay, `max = \"{max}\"`, is shorter than the first, `initial = \"{initial}\"`: raise \
         `max` or lower `initial`",
    WhenNotPath =>
        "`when` takes the path of a function: write `when = is_temporary`, with \
         `fn is_temporary(error: &gensx::Error) -> bool` next to the component",

    // Durations.
    DurationNumber { option, number } =>
        "a bare number has no unit: write `{option} = \"{number}s\"` or `{option} = \"{number}ms\"`, or any \
         `Duration` expression",
    DurationNotText { option } =>
        "`{option}` is a duration: write text with a unit, as in `{option} = \"30s\"`, or any `Duration` \
         expression",
    DurationWithoutUnit { found } =>
        "the duration \"{found}\" has no unit: write \"{found}s\", \"{found}ms\", \"{found}m\" or \"{found}h\"",
    DurationUnknownUnit { unit } =>
        "\"{unit}\" is no unit of time: the units are ns, us, ms, s, m, h, days, weeks, months and years",
    DurationZero { option } =>
        "`{option}` cannot be zero: leave it out, or write a duration such as \"30s\"",
    DurationTooLong { found } =>
        "the duration \"{found}\" is too long or too fine to be counted in nanoseconds: write one such as \"24h\"",
    DurationEmpty { option } =>
        "the duration is empty: write `{option} = \"30s\"`",
    DurationUnreadable { found } =>
        "cannot read \"{found}\" as a duration: write a number with a unit, such as \"200ms\", \"30s\" or \
         \"1h 30m\"",

    // cache.
    CacheWithoutSettings =>
        "`cache` does not say for how long: write `cache(ttl = \"1h\")`",
    CacheValue =>
        "`cache` has named settings: write `cache(ttl = \"1h\")`",
    CacheWithoutTtl =>
        "`cache` needs a time to live: add `ttl = \"1h\"`",
    CacheOnMethod =>
        "`self` is no input, so the cache would answer one object with another's output: add `scope = expr` or \
         `key = expr`, which may use `self`",
    CacheWithSkip { argument } =>
        "`{argument}` is skipped, so the cache would not see it change: add `scope = expr` or `key = expr`, \
         which may use it",
    SecretInCache { setting, argument } =>
        "`{argument}` is secret and cannot be part of `cache({setting} = ..)`: leave it out; without `key`, a \
         secret counts by its keyed hash",

    // The item.
    NotAFunction { found } =>
        "a component is an async function, and this is {found}: put `#[component]` on an `async fn`",
    NotOneFunction { found } =>
        "a component is one async function, and this is {found}: put `#[component]` on each function in it",
    MissingBody =>
        "a component needs a body: take `#[component]` off the declaration and put it on the method of the impl",
    RepeatedAttribute =>
        "`#[component]` is given twice: write all options in one",
    TestFunction =>
        "a test is no component: take `#[component]` off, and call the component from the test",
    MainFunction =>
        "`main` is no component: call the component from `main`",
    MarkOnFunction { mark } =>
        "`#[{mark}]` belongs on an argument: write `#[{mark}] client: Client` in the list of arguments",

    // The signature.
    NotAsync =>
        "a component is an async function: write `async fn`",
    ReturnsFuture =>
        "a component is a plain `async fn`: write `async fn`, and return the future's output instead of the \
         future (inside `#[async_trait]`, call a component from the method)",
    ConstFunction =>
        "a component runs when it is called, not at compile time: take `const` off",
    UnsafeFunction =>
        "a component is called by the runtime, which cannot uphold what `unsafe` asks for: take `unsafe` off \
         and write an unsafe block inside",
    ExternFunction =>
        "a component is a Rust function: take `extern` off",
    VariadicFunction =>
        "a component has a fixed list of arguments: take `...` off, and pass a `Vec`",
    NoReturnType =>
        "a component returns a `Result`, so that a failure can be recorded: write `-> gensx::Result<()>`",
    ImplReturn =>
        "the output of a component is recorded and read back, so its type must have a name: write the type \
         instead of `impl Trait`",
    BorrowedReturn =>
        "the output of a component is recorded and read back, so it cannot borrow: return an owned type such \
         as `String`",
    SelfByValue =>
        "a component may run more than once, so it cannot use up `self`: write `&self`",
    SelfMutable =>
        "a component may run again from the start, so it cannot change `self`: write `&self`, and return what \
         changed",
    SelfTyped =>
        "a component borrows its object plainly: write `&self` instead of a typed `self`",
    MutableArgument { argument } =>
        "a component may run again from the start, so it cannot change its argument `{argument}`: take `mut` \
         off the type, and return what changed",
    ReservedArgument { argument } =>
        "names that start with `__gensx` are the macro's own: rename `{argument}`",
    ReservedLifetime =>
        "the lifetime `'gensx` is the macro's own: rename it",

    // Marks on arguments.
    SkipAndSecret { argument } =>
        "`{argument}` is both skipped and secret: keep `#[skip]` if it is no input, `#[secret]` if it is one \
         that must not be written down",
    MarkRepeated { mark } =>
        "`#[{mark}]` is given twice: keep one",
    MarkWithValue { mark } =>
        "`#[{mark}]` takes no value: write `#[{mark}]`",
    MarkOnSelf { mark } =>
        "`self` is no input of a component, so `#[{mark}]` has nothing to do here: take it off",
    ArgumentAttributeUnknown { found, hint } =>
        "unknown attribute `#[{found}]` on an argument of a component{hint}",
    ArgumentConditional =>
        "the arguments of a component are its inputs and cannot depend on `cfg`: put `#[cfg(..)]` on two \
         functions",
}

/// The mistakes found so far, each on its own tokens, so that all of them are reported at once.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<(TokenStream, Mistake)>);

impl Mistakes {
    /// Notes a mistake at the tokens it is about.
    pub(crate) fn add(&mut self, at: impl ToTokens, mistake: Mistake) {
        self.0.push((at.into_token_stream(), mistake));
    }

    /// The names of the mistakes that were found.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(_, mistake)| mistake.name()).collect()
    }
}

impl ToTokens for Mistakes {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for (at, mistake) in &self.0 {
            syn::Error::new_spanned(at, mistake).to_compile_error().to_tokens(tokens);
        }
    }
}

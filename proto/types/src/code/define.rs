//! From the table of codes to the type: a code has all its parts or does not compile.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal $recorded:ident
        zh: $zh:literal => $zh_next:literal en: $en:literal => $en_next:literal;)*) => {
        /// A native code.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Code {
            $($(#[$doc])* $variant = $number,)*
        }

        impl Code {
            /// Every native code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable number.
            pub const fn number(self) -> u32 {
                self as u32
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether anything was recorded.
            pub const fn recorded(self) -> Recorded {
                match self { $(Self::$variant => Recorded::$recorded,)* }
            }

            /// The text, with places for parameters, and what to do next.
            pub const fn text(self, lang: Lang) -> (&'static str, &'static str) {
                match (self, lang) {
                    $((Self::$variant, Lang::Zh) => ($zh, $zh_next),
                      (Self::$variant, Lang::En) => ($en, $en_next),)*
                }
            }
        }
    };
}

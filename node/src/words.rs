//! Text for people, in both languages at once.
//!
//! Whoever notices something says it twice; the edge picks the language. Nothing here is hashed.

use linli_types::code::Lang;

/// One text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The text in one language.
    pub fn of(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }

    /// The same text in both: names, numbers, messages of libraries.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }
}

/// `words!("中文 {x}", "English {x}")`: both texts with captured values.
macro_rules! words {
    ($zh:literal, $en:literal $(,)?) => {
        $crate::words::Words { zh: format!($zh), en: format!($en) }
    };
}
pub(crate) use words;

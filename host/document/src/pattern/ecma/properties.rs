//! Parses properties of Unicode: `\p{...}`. The names are those of ECMA-262, which allows no other spelling.

use super::EcmaParser;
use crate::pattern::chars::{self, CharSet};
use crate::pattern::error::{PatternError, at};

/// General categories, by their short and long names.
const CATEGORIES: &str = "LC Cased_Letter Pe Close_Punctuation Pc Connector_Punctuation Cc Control cntrl \
    Sc Currency_Symbol Pd Dash_Punctuation Nd Decimal_Number digit Me Enclosing_Mark Pf Final_Punctuation \
    Cf Format Pi Initial_Punctuation L Letter Nl Letter_Number Zl Line_Separator Ll Lowercase_Letter M \
    Mark Combining_Mark Sm Math_Symbol Lm Modifier_Letter Sk Modifier_Symbol Mn Nonspacing_Mark N Number \
    Ps Open_Punctuation C Other Lo Other_Letter No Other_Number Po Other_Punctuation So Other_Symbol Zp \
    Paragraph_Separator Co Private_Use P Punctuation punct Z Separator Zs Space_Separator Mc \
    Spacing_Mark S Symbol Lt Titlecase_Letter Cn Unassigned Lu Uppercase_Letter";

/// Binary properties: a character has them or not.
const BINARY: &str = "ASCII_Hex_Digit AHex Alphabetic Alpha Bidi_Control Bidi_C Bidi_Mirrored Bidi_M \
    Case_Ignorable CI Cased Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM \
    Changes_When_Lowercased CWL Changes_When_NFKC_Casefolded CWKCF Changes_When_Titlecased CWT \
    Changes_When_Uppercased CWU Dash Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji \
    Emoji_Component EComp Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres \
    Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext Hex_Digit Hex \
    IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS Ideographic Ideo \
    Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar \
    Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI \
    Sentence_Terminal STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase \
    Upper Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS";

impl EcmaParser {
    /// Reads a property behind `\p` or `\P`.
    pub(super) fn property(&mut self, begins: usize) -> Result<CharSet, PatternError> {
        if !self.take("{") {
            return at(begins, "`\\p` needs a property behind it: `\\p{L}`");
        }
        let first = self.position;
        while self.peek().is_some_and(|one| one != '}') {
            self.position += 1;
        }
        let name: String = self.characters[first..self.position].iter().collect();
        if !self.take("}") {
            return at(begins, "this property does not end with `}`");
        }
        let unknown = || {
            at(
                begins,
                format!("`{}` is no property that is known here", name),
            )
        };
        let is_in = |names: &str, name: &str| names.split_whitespace().any(|one| one == name);
        let notation = match name.split_once('=') {
            None if name == "Any" => return Ok(chars::all()),
            None if name == "ASCII" => return Ok(chars::range(0, 0x7F)),
            None if name == "Assigned" => return Ok(chars::negated(known(r"\p{Cn}", unknown)?)),
            None if is_in(CATEGORIES, &name) => format!(r"\p{{gc={name}}}"),
            None if is_in(BINARY, &name) => format!(r"\p{{{name}}}"),
            Some(("General_Category" | "gc", value)) if is_in(CATEGORIES, value) => {
                format!(r"\p{{gc={value}}}")
            }
            Some((key @ ("Script" | "sc" | "Script_Extensions" | "scx"), value))
                if is_name(value) =>
            {
                format!(r"\p{{{key}={value}}}")
            }
            _ => return unknown(),
        };
        known(&notation, unknown)
    }
}

fn known(
    notation: &str,
    unknown: impl Fn() -> Result<CharSet, PatternError>,
) -> Result<CharSet, PatternError> {
    chars::find_property(notation).map_or_else(unknown, Ok)
}

/// Whether a name of a script is spelled as ECMA-262 demands, each word with a capital letter: the engines
/// allow other spellings too.
fn is_name(value: &str) -> bool {
    value.split('_').all(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_uppercase())
            && letters.all(|letter| letter.is_ascii_lowercase())
    })
}

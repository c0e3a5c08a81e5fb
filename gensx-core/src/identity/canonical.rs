//! The canonical encoding of values, which fingerprints are made of.
//!
//! It is the JSON data model, so that a value, its decoded copy, and the same value with another map type are
//! one: map order does not matter, list order does, the width of an integer does not, `1` and `1.0` differ.
//! It does not go through `serde_json`, whose features (`preserve_order`, `arbitrary_precision`) any crate of the program may turn on.

use std::fmt;

use serde::{Serialize, Serializer, ser};

/// Why a value has no canonical encoding.
#[derive(Debug)]
pub struct CanonicalError(String);

impl fmt::Display for CanonicalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CanonicalError {}

impl ser::Error for CanonicalError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Appends the encoding of `value`.
pub(crate) fn canonical<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    value.serialize(Encoder { out })
}

// Every encoding begins with a tag and tells its own length, so that no two different values share one.
const NULL: u8 = b'n';
const FALSE: u8 = b'f';
const TRUE: u8 = b't';
const INTEGER: u8 = b'i';
const HUGE: u8 = b'u';
const FLOAT: u8 = b'd';
const STRING: u8 = b's';
const BYTES: u8 = b'b';
const LIST: u8 = b'[';
const LIST_END: u8 = b']';
const MAP: u8 = b'{';
const MAP_END: u8 = b'}';

/// The names under which `serde_json` hands its own types to other serializers.
const JSON_NUMBER: &str = "$serde_json::private::Number";
const JSON_RAW: &str = "$serde_json::private::RawValue";

struct Encoder<'a> {
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    fn integer(self, value: i128) {
        self.out.push(INTEGER);
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    fn sized(self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.out.extend_from_slice(bytes);
    }
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), CanonicalError> {
            self.integer(i128::from(value));
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Encoder<'a> {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = Variant<List<'a>>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Variant<Struct<'a>>;

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_u128(self, value: u128) -> Result<(), CanonicalError> {
        match i128::try_from(value) {
            Ok(value) => self.integer(value),
            Err(_) => {
                self.out.push(HUGE);
                self.out.extend_from_slice(&value.to_be_bytes());
            }
        }
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), CanonicalError> {
        self.out.push(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CanonicalError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), CanonicalError> {
        if !value.is_finite() {
            return Err(CanonicalError(format!(
                "{value} is no value that can be recorded: use an Option, or refuse it before the call"
            )));
        }
        self.out.push(FLOAT);
        self.out.extend_from_slice(&value.to_bits().to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), CanonicalError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), CanonicalError> {
        self.sized(STRING, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CanonicalError> {
        self.sized(BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CanonicalError> {
        self.out.push(NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), CanonicalError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        open_variant(self.out, variant);
        canonical(value, self.out)?;
        self.out.push(MAP_END);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, CanonicalError> {
        self.out.push(LIST);
        Ok(List { out: self.out })
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, CanonicalError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, CanonicalError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Variant<List<'a>>, CanonicalError> {
        open_variant(self.out, variant);
        Encoder { out: self.out }.serialize_seq(None).map(Variant)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'a>, CanonicalError> {
        Ok(Map { out: self.out, entries: Vec::new(), key: None })
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'a>, CanonicalError> {
        let map = Map { out: self.out, entries: Vec::new(), key: None };
        Ok(if name == JSON_NUMBER || name == JSON_RAW { Struct::Json(map.out) } else { Struct::Map(map) })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Variant<Struct<'a>>, CanonicalError> {
        open_variant(self.out, variant);
        Encoder { out: self.out }.serialize_struct(name, len).map(Variant)
    }
}

/// A variant with data is a map with one entry, as in JSON.
fn open_variant(out: &mut Vec<u8>, variant: &str) {
    out.push(MAP);
    Encoder { out }.sized(STRING, variant.as_bytes());
}

struct List<'a> {
    out: &'a mut Vec<u8>,
}

/// Entries are encoded apart and sorted, because a `HashMap` gives them in another order each time.
struct Map<'a> {
    out: &'a mut Vec<u8>,
    entries: Vec<Vec<u8>>,
    key: Option<Vec<u8>>,
}

enum Struct<'a> {
    Map(Map<'a>),
    /// One of `serde_json`'s own types: its single field is JSON text.
    Json(&'a mut Vec<u8>),
}

struct Variant<T>(T);

impl Map<'_> {
    fn entry<T: Serialize + ?Sized>(&mut self, mut key: Vec<u8>, value: &T) -> Result<(), CanonicalError> {
        canonical(value, &mut key)?;
        self.entries.push(key);
        Ok(())
    }

    fn close(mut self) {
        self.entries.sort_unstable();
        self.out.push(MAP);
        for entry in &self.entries {
            self.out.extend_from_slice(entry);
        }
        self.out.push(MAP_END);
    }
}

macro_rules! list_like {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for List<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
                canonical(value, self.out)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.out.push(LIST_END);
                Ok(())
            }
        }
    )*};
}

list_like!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field
);

impl ser::SerializeTupleVariant for Variant<List<'_>> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        canonical(value, self.0.out)
    }

    fn end(self) -> Result<(), CanonicalError> {
        self.0.out.extend_from_slice(&[LIST_END, MAP_END]);
        Ok(())
    }
}

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CanonicalError> {
        let mut bytes = Vec::new();
        canonical(key, &mut bytes)?;
        self.key = Some(bytes);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        let key = self.key.take().ok_or_else(|| CanonicalError("a map value without a key".to_owned()))?;
        self.entry(key, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        self.close();
        Ok(())
    }
}

impl ser::SerializeStruct for Struct<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        match self {
            Self::Map(map) => {
                let mut key = Vec::with_capacity(name.len() + 32);
                Encoder { out: &mut key }.sized(STRING, name.as_bytes());
                map.entry(key, value)
            }
            Self::Json(out) => canonical_json(value, out),
        }
    }

    fn end(self) -> Result<(), CanonicalError> {
        if let Self::Map(map) = self {
            map.close();
        }
        Ok(())
    }
}

impl ser::SerializeStructVariant for Variant<Struct<'_>> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        ser::SerializeStruct::serialize_field(&mut self.0, name, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        if let Struct::Map(map) = self.0 {
            let mut out = Vec::new();
            Map { out: &mut out, ..map }.close();
            map.out.append(&mut out);
            map.out.push(MAP_END);
        }
        Ok(())
    }
}

/// Encodes JSON text as the value it stands for.
fn canonical_json<T: Serialize + ?Sized>(text: &T, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    let invalid = |error: serde_json::Error| CanonicalError(format!("a JSON value cannot be read: {error}"));
    let quoted = serde_json::to_value(text).map_err(invalid)?;
    let text = quoted.as_str().unwrap_or_default();
    if let Ok(integer) = text.parse::<i128>() {
        Encoder { out }.integer(integer);
        return Ok(());
    }
    if let Ok(float) = text.parse::<f64>() {
        return Encoder { out }.serialize_f64(float);
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(invalid)?;
    canonical(&value, out)
}

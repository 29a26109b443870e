//! The API's error list: each refusal once, with its code and where in the request the trouble is.

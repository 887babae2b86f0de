//! Files of checks that no normal compiler would make: small, but hard to compile.

#![allow(dead_code, reason = "each test file uses its part")]

/// A component around one function without parameters.
fn component(body: &[u8]) -> Vec<u8> {
    let mut code = vec![1];
    code.extend(number(body.len()));
    code.extend_from_slice(body);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, b"\x01\x60\0\0"));
    module.extend(section(3, b"\x01\0"));
    module.extend(section(10, &code));
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend(section(1, &module));
    component
}

fn section(id: u8, bytes: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend(number(bytes.len()));
    section.extend_from_slice(bytes);
    section
}

/// LEB128.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Nested loops, and in the innermost one every local changes: the work grows at least with the product of
/// both.
fn nested(loops: usize, locals: usize) -> Vec<u8> {
    let mut body = vec![1];
    body.extend(number(locals));
    body.push(0x7f);
    (0..loops).for_each(|_| body.extend(b"\x03\x40"));
    for local in (0..locals).map(number) {
        body.push(0x20);
        body.extend(&local);
        body.extend(b"\x41\x01\x6a\x21");
        body.extend(&local);
    }
    // Each loop goes round once more, depending on the first local.
    (0..loops).for_each(|_| body.extend(b"\x20\x00\x0d\x00\x0b"));
    body.push(0x0b);
    component(&body)
}

/// Compiles for many minutes, in little memory. Each run of the tests has a different file, so that kept code of
/// an earlier run is not used.
pub fn slow() -> Vec<u8> {
    let mut module = nested(3000, 8);
    // A custom section without a content, named by the process.
    let name = format!("{:08x}", std::process::id());
    module.extend([0, 9, 8]);
    module.extend(name.as_bytes());
    module
}

/// Needs gigabytes of memory within seconds.
pub fn hungry() -> Vec<u8> {
    nested(1000, 1000)
}

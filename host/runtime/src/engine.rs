//! The WebAssembly engine that all checks share, and the pool of their instances.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::ticker::{CallGuard, EPOCH_TICK, Ticker};

/// Stack that guest code may use. Wasmtime has one for the whole engine. Worker threads are
/// started with `WORKER_STACK_BYTES`, which leaves the host its own.
pub const GUEST_STACK_BYTES: usize = 512 << 10;

/// Stack of a thread that calls guests: the guest's, and 1.5 MiB for the host below and above it.
pub const WORKER_STACK_BYTES: usize = 2 << 20;

/// Checks alive at once: one for each check, stream and worker, twice while a plan is swapped, and
/// a few more for the describer, the windows and loading. 4,096 are 32 checks on 64 workers, or 8 on 256
/// workers, which are the most. A check beyond that cannot start; the fault has the reason.
const INSTANCES_MAX: u32 = 4096;

/// Core modules in one component: 3 in a Rust check, 38 in a Python interpreter. They are only counted;
/// nothing is reserved for them.
const CORE_INSTANCES_PER_COMPONENT_MAX: u32 = 64;

/// Linear memories in the pool: every toolchain makes one for a component. For each, 4 GiB and 32 MiB of guard
/// are reserved, so for all 16.1 TiB of the 128 TiB that a process can address. Memory itself is taken as it
/// is used.
const MEMORIES_MAX: u32 = INSTANCES_MAX;

/// Most memory of a check, in bytes: a 32-bit memory cannot be larger, and is reserved whole.
pub const MEMORY_BYTES_MAX: usize = 4 << 30;

/// Tables in the pool: a Rust or a Python check has 2. For each, 100,000 pointers are reserved, so for all
/// 12.2 GiB of address space.
const TABLES_MAX: u32 = 4 * INSTANCES_MAX;

/// Memories and tables of one component, and of one module of it: no check may use up the pool.
const MEMORIES_PER_COMPONENT_MAX: u32 = 8;
const TABLES_PER_COMPONENT_MAX: u32 = 32;

/// Elements of a table. The function table of a Python interpreter has some 15,000.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Bytes of a memory that are cleared rather than unmapped when its instance is dropped.
const KEEP_RESIDENT_BYTES: usize = 256 << 10;

/// The engine could not be made: the machine does not grant what it needs.
#[derive(Debug, thiserror::Error)]
#[error("failed to start the WebAssembly engine: {0}")]
pub struct EngineError(String);

/// The shared engine. Cheap to clone; the epoch ticks while there are calls.
#[derive(Clone)]
pub struct Engine {
    pub(crate) wasm: wasmtime::Engine,
    ticker: Arc<Ticker>,
}

impl Engine {
    /// Makes the engine and starts its ticker thread.
    ///
    /// # Errors
    ///
    /// If the machine does not grant what the engine needs.
    pub fn new() -> Result<Self, EngineError> {
        let wasm = wasmtime::Engine::new(&config(true))
            // A machine that does not grant the pool's address space still runs checks: each instance then
            // maps its own memory, which costs time, and their number has no bound.
            .or_else(|_| wasmtime::Engine::new(&config(false)))
            .map_err(|error| EngineError(format!("{error:#}")))?;
        let ticked = wasm.clone();
        let ticker = Ticker::start(move || ticked.increment_epoch())
            .map_err(|error| EngineError(error.to_string()))?;
        Ok(Self {
            wasm,
            ticker: Arc::new(ticker),
        })
    }

    /// Guest code is going to run. The epoch ticks until the guard is dropped; without it, no deadline would
    /// ever pass.
    pub(crate) fn call(&self) -> CallGuard<'_> {
        self.ticker.call()
    }
}

/// An engine that compiles for [`Engine`] and runs nothing: code does not depend on the pool.
pub(crate) fn code_engine() -> wasmtime::Result<wasmtime::Engine> {
    wasmtime::Engine::new(&config(false))
}

fn config(pooled: bool) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .memory_init_cow(true)
        .cranelift_opt_level(OptLevel::Speed);
    if pooled {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(INSTANCES_MAX)
            .total_core_instances(INSTANCES_MAX * CORE_INSTANCES_PER_COMPONENT_MAX)
            .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT_MAX)
            .total_memories(MEMORIES_MAX)
            .max_memories_per_component(MEMORIES_PER_COMPONENT_MAX)
            .max_memories_per_module(MEMORIES_PER_COMPONENT_MAX)
            .total_tables(TABLES_MAX)
            .max_tables_per_component(TABLES_PER_COMPONENT_MAX)
            .max_tables_per_module(TABLES_PER_COMPONENT_MAX)
            .max_memory_size(MEMORY_BYTES_MAX)
            .table_elements(TABLE_ELEMENTS_MAX)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Ticks until a deadline of `time`: at least one whole tick, as the current one may be nearly over.
pub(crate) fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(EPOCH_TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(u64::MAX >> 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_of_all_instances_can_be_reserved() {
        if let Err(error) = wasmtime::Engine::new(&config(true)) {
            panic!("checks would fall back to instances that are slow to make: {error:#}");
        }
    }
}

//! stub
use std::sync::Arc; use std::time::Duration;
pub const LATENCY_BOUNDS_MS: [i64; 3] = [100, 1000, 10000];
pub struct Metrics;
impl Metrics {
 pub fn new(_:f64)->Self{Metrics}
 pub fn latency(&self,_:&str,_:&[u64],_:i64){} pub fn undecodable(&self,_:usize,_:&str,_:u64){} pub fn violations(&self,_:&str,_:&str,_:u64){}
 pub fn check(&self,_:&str,_:&landfall_runtime::Counters){} pub fn counts(&self,_:&str,_:&landfall_ledger::Counts){}
 pub fn store_written(&self,_:usize,_:Duration){} pub fn store_failed(&self){} pub fn incident_opened(&self,_:&str){} pub fn incidents_open(&self,_:&str,_:usize){}
 pub fn window_closed(&self,_:u64){} pub fn ledger(&self,_:&[landfall_ledger::ShardGauges],_:[Option<i64>;2],_:i64){}
 pub fn checks_loaded(&self,_:&[crate::engine::planner::CheckState]){} pub fn reloaded(&self,_:bool){}
 pub fn watch(&self,_:Vec<Arc<crate::sources::SourceStats>>,_:Vec<Arc<crate::queue::LaneStats>>,_:Arc<landfall_store::spool::Spool>){}
}

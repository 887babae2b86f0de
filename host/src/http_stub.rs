//! stub
use std::sync::Arc;
pub async fn serve(_:tokio::net::TcpListener,_:Arc<crate::metrics::Metrics>,_:crate::engine::reload::SharedReloadState,_:tokio::sync::watch::Receiver<bool>){}

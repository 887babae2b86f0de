//! Files by which Grafana finds the dashboards and Prometheus when it starts.

use super::File;

const DATASOURCE: &str = "\
# Prometheus, for Grafana: a copy belongs into provisioning/datasources/ of its configuration.
# Where there is a Prometheus already, this file is not needed: the dashboards take any, chosen above them.
apiVersion: 1
datasources:
  - name: Prometheus
    type: prometheus
    access: proxy
    url: http://127.0.0.1:9090
    jsonData:
      httpMethod: POST
      # How often Prometheus scrapes Landfall: rates are over four times as long.
      timeInterval: 15s
";

const DASHBOARDS: &str = "\
# Landfall's dashboards, for Grafana: a copy belongs into provisioning/dashboards/ of its configuration.
apiVersion: 1
providers:
  - name: landfall
    folder: Landfall
    type: file
    # What is changed in Grafana would be gone with the next version: save it under another name.
    allowUiUpdates: false
    updateIntervalSeconds: 30
    options:
      # Where landfall-operators.json and landfall-checks.json are.
      path: /var/lib/grafana/dashboards/landfall
";

pub fn files() -> [File; 2] {
    [
        File {
            path: "provisioning/datasources/landfall.yml",
            text: DATASOURCE.into(),
        },
        File {
            path: "provisioning/dashboards/landfall.yml",
            text: DASHBOARDS.into(),
        },
    ]
}

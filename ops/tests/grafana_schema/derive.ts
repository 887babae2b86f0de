// What a dashboard of ours may hold, put together from the types that Grafana publishes: its library
// leaves options and targets open (`any`), and has the types of each panel beside it. `npm run derive`
// makes the JSON Schemas of it that the tests read.
import type * as dashboard from 'grafana/dashboard';
import type * as common from 'grafana/common';
import type * as prometheus from 'grafana/prometheus';
import type * as timeseries from 'grafana/timeseries';
import type * as stat from 'grafana/stat';
import type * as table from 'grafana/table';
import type * as heatmap from 'grafana/heatmap';
import type * as statetimeline from 'grafana/statetimeline';

// The one query language that we ask. The method is the library's own and in no JSON.
type Target = Omit<QUERY, '_implementsDataqueryVariant'>;

type Defaults<Custom> = Omit<dashboard.FieldConfig, 'custom'> & { custom?: Custom };

type Fields<Custom> = Omit<dashboard.FieldConfigSource, 'defaults'> & { defaults: Defaults<Custom> };

type Of<Type extends string, Options, Custom> =
    Omit<dashboard.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
        type: Type;
        id: number;
        title: string;
        description: string;
        gridPos: dashboard.GridPos;
        options: Options;
        fieldConfig: Fields<Custom>;
        targets: Target[];
    };

type Panel =
    | Of<'timeseries', timeseries.Options, timeseries.FieldConfig>
    | Of<'stat', stat.Options, never>
    | Of<'table', table.Options, table.FieldConfig>
    | Of<'heatmap', heatmap.Options, heatmap.FieldConfig>
    | Of<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>;

// Rows of ours are open, so what follows one is not in it.
type Row = Omit<dashboard.RowPanel, 'panels'> & { panels: never[] };

// Prometheus' own settings of an annotation are not among the published types; its manual has them.
type Annotation = dashboard.AnnotationQuery & {
    titleFormat?: string;
    textFormat?: string;
    tagKeys?: string;
    step?: string;
};

export type Landfall = Omit<dashboard.Dashboard, 'panels' | 'annotations' | 'snapshot'> & {
    uid: string;
    title: string;
    panels: (Panel | Row)[];
    annotations: { list: Annotation[] };
};

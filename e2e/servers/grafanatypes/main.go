// Reads dashboards as strictly as Grafana's own types allow: a field that is not there, or is missing, is told.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/tempo"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var board dashboard.Dashboard
	if err := board.UnmarshalJSONStrict(text); is(err) {
		return err
	}
	if err := board.Validate(); is(err) {
		return err
	}
	return nil
}

// is: where nothing is wrong, a list of no errors comes back.
func is(err error) bool {
	return err != nil && err.Error() != ""
}

func main() {
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(logs.VariantConfig())
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(table.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(loki.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	known.RegisterDataqueryVariant(tempo.VariantConfig())
	failed := false
	for _, file := range os.Args[1:] {
		if err := read(file); err != nil {
			fmt.Printf("%s: %v\n", file, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

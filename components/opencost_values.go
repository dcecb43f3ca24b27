package components

import (
	"math"
	"strconv"
)

// The types below are the keys of the opencost chart's values that are set here.

type openCostValues struct {
	OpenCost           openCost          `json:"opencost"`
	PodLabels          map[string]string `json:"podLabels"`
	PodSecurityContext podSecurityValues `json:"podSecurityContext"`
	ExtraVolumes       []emptyVolume     `json:"extraVolumes"`
	UpdateStrategy     updateStrategy    `json:"updateStrategy"`
}

type updateStrategy struct {
	Type          string         `json:"type"`
	RollingUpdate map[string]int `json:"rollingUpdate"`
}

type emptyVolume struct {
	Name     string   `json:"name"`
	EmptyDir struct{} `json:"emptyDir"`
}

type volumeMount struct {
	Name      string `json:"name"`
	MountPath string `json:"mountPath"`
}

type openCost struct {
	Exporter      openCostExporter   `json:"exporter"`
	Prometheus    openCostPrometheus `json:"prometheus"`
	CustomPricing openCostPricing    `json:"customPricing"`
	UI            enabled            `json:"ui"`
	MCP           enabled            `json:"mcp"`
}

type openCostExporter struct {
	DefaultClusterID string                  `json:"defaultClusterId"`
	Image            openCostImage           `json:"image"`
	Resources        resourceValues          `json:"resources"`
	SecurityContext  containerSecurityValues `json:"securityContext"`
	ExtraMounts      []volumeMount           `json:"extraVolumeMounts"`
}

type openCostImage struct {
	FullImageName string `json:"fullImageName"`
}

type openCostPrometheus struct {
	Internal openCostInternal `json:"internal"`
}

type openCostInternal struct {
	Enabled       bool   `json:"enabled"`
	ServiceName   string `json:"serviceName"`
	NamespaceName string `json:"namespaceName"`
	Port          int    `json:"port"`
}

type openCostPricing struct {
	Enabled   bool              `json:"enabled"`
	CostModel map[string]string `json:"costModel,omitempty"`
}

const openCostUser = 1001 // of the official image

func newOpenCostValues(args CostVisibilityArgs) openCostValues {
	return openCostValues{
		OpenCost: openCost{
			Exporter: openCostExporter{
				DefaultClusterID: args.Environment, // one cluster per environment
				Image:            openCostImage{FullImageName: args.Images.of(imageOpenCost)},
				Resources:        newResourceValues("20m", "128Mi", "1", "1Gi"),
				SecurityContext:  restrictedContainer,
				ExtraMounts:      []volumeMount{{Name: "configs", MountPath: "/var/configs"}}, // it keeps prices there
			},
			Prometheus: openCostPrometheus{Internal: openCostInternal{
				Enabled: true, ServiceName: prometheusService, NamespaceName: prometheusNamespace, Port: prometheusPort,
			}},
			CustomPricing: openCostPricing{Enabled: args.Cost.Prices != nil, CostModel: costModel(args.Cost)},
			// `opex costs` and the dashboards show costs; a second page and an unauthenticated server are not wanted.
		},
		PodLabels:          args.labels(openCostName),
		PodSecurityContext: podSecurityOf(openCostUser),
		ExtraVolumes:       []emptyVolume{{Name: "configs"}},
		// The chart's own lets the only pod go first, and so calls a release ready that has none.
		UpdateStrategy: updateStrategy{Type: "RollingUpdate", RollingUpdate: map[string]int{"maxSurge": 1, "maxUnavailable": 0}},
	}
}

// hoursPerMonth is how OpenCost turns what the chart hands it, prices per month, into prices per hour
// (opencost v1.120.0, pkg/cloud/provider/providerconfig.go).
const hoursPerMonth = 730

// costModel sets every price: the chart's defaults mix prices per month with prices per hour.
func costModel(c CostSpec) map[string]string {
	if c.Prices == nil {
		return nil
	}
	monthly := func(hourly float64) string {
		return strconv.FormatFloat(math.Round(hourly*hoursPerMonth*1e9)/1e9, 'f', -1, 64) // without the tail of a binary fraction
	}
	cpu, memory := monthly(c.Prices.CPUHour), monthly(c.Prices.MemoryGiBHour)
	return map[string]string{
		"description": "opex:cost.prices of the stack",
		"CPU":         cpu, "spotCPU": cpu,
		"RAM": memory, "spotRAM": memory,
		"GPU":     monthly(c.Prices.GPUHour),
		"storage": monthly(c.Prices.StorageGiBHour),
		// Per GiB, not per month. Without OpenCost's network daemon there is no traffic to price.
		"zoneNetworkEgress": "0", "regionNetworkEgress": "0", "internetNetworkEgress": "0",
		// On the nodes of a cloud, too, these prices count.
		"customPricesEnabled": "true",
		"currencyCode":        c.Currency,
	}
}

package cost

import (
	"math"
	"strconv"

	"github.com/opex-project/opex/components/platform"
	"github.com/opex-project/opex/components/spec"
)

// The types below are the keys of the opencost chart's values that are set here.

type openCostValues struct {
	OpenCost           openCost                   `json:"opencost"`
	PodLabels          map[string]string          `json:"podLabels"`
	PodSecurityContext platform.PodSecurityValues `json:"podSecurityContext"`
	ExtraVolumes       []emptyVolume              `json:"extraVolumes"`
	UpdateStrategy     updateStrategy             `json:"updateStrategy"`
}

type updateStrategy struct {
	Type          string         `json:"type"`
	RollingUpdate map[string]int `json:"rollingUpdate"`
}

type emptyVolume struct {
	Name     string   `json:"name"`
	EmptyDir struct{} `json:"emptyDir"`
}

type openCost struct {
	Exporter      openCostExporter   `json:"exporter"`
	Prometheus    openCostPrometheus `json:"prometheus"`
	CustomPricing openCostPricing    `json:"customPricing"`
	UI            platform.Enabled   `json:"ui"`
	MCP           platform.Enabled   `json:"mcp"`
}

type openCostExporter struct {
	DefaultClusterID string                           `json:"defaultClusterId"`
	Image            openCostImage                    `json:"image"`
	Resources        platform.ResourceValues          `json:"resources"`
	SecurityContext  platform.ContainerSecurityValues `json:"securityContext"`
	ExtraMounts      []platform.VolumeMount           `json:"extraVolumeMounts"`
	LivenessProbe    openCostProbe                    `json:"livenessProbe"`
	DataSource       openCostSource                   `json:"prometheusDataSource"`
	ExtraEnv         map[string]string                `json:"extraEnv,omitempty"`
}

type openCostProbe struct {
	FailureThreshold int `json:"failureThreshold"`
}

// openCostSource is how OpenCost asks Prometheus. It ignores the resolution of a query.
type openCostSource struct {
	QueryResolutionSeconds int `json:"queryResolutionSeconds"`
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
				Image:            openCostImage{FullImageName: args.Images.Of(spec.ImageOpenCost)},
				Resources:        platform.NewResourceValues("20m", "128Mi", "1", "1Gi"),
				SecurityContext:  platform.RestrictedContainer,
				// Five minutes: one that is starved answers late, and a restart would only make it begin again.
				LivenessProbe: openCostProbe{FailureThreshold: 15},
				DataSource:    openCostSource{QueryResolutionSeconds: 60},
				ExtraEnv:      openCostEnv(args.Cost),
				// it keeps prices there
				ExtraMounts: []platform.VolumeMount{{Name: "configs", MountPath: "/var/configs"}},
			},
			Prometheus: openCostPrometheus{Internal: openCostInternal{
				Enabled: true, ServiceName: prometheusService, NamespaceName: PrometheusNamespace, Port: prometheusPort,
			}},
			CustomPricing: openCostPricing{Enabled: args.Cost.Prices != nil, CostModel: costModel(args.Cost)},
			// `opex costs` and the dashboards show costs; a second page and an unauthenticated server are not wanted.
		},
		PodLabels:          args.Labels(OpenCostName),
		PodSecurityContext: platform.PodSecurityOf(openCostUser),
		ExtraVolumes:       []emptyVolume{{Name: "configs"}},
		// The chart's own lets the only pod go first, and so calls a release ready that has none.
		UpdateStrategy: updateStrategy{
			Type:          "RollingUpdate",
			RollingUpdate: map[string]int{"maxSurge": 1, "maxUnavailable": 0},
		},
	}
}

// openCostEnv makes OpenCost take the stack's own prices for nodes and volumes too, whose metrics would otherwise show
// the cloud's price list (v1.120.0, pkg/cloud/provider/provider.go).
func openCostEnv(c spec.Cost) map[string]string {
	if c.Prices == nil {
		return nil
	}
	return map[string]string{"USE_CUSTOM_PROVIDER": "true"}
}

// hoursPerMonth is how OpenCost turns what the chart hands it, prices per month, into prices per hour
// (opencost v1.120.0, pkg/cloud/provider/providerconfig.go).
const hoursPerMonth = 730

// costModel sets every price: the chart's defaults mix prices per month with prices per hour.
func costModel(c spec.Cost) map[string]string {
	if c.Prices == nil {
		return nil
	}
	monthly := func(hourly float64) string {
		// without the tail of a binary fraction
		return strconv.FormatFloat(math.Round(hourly*hoursPerMonth*1e9)/1e9, 'f', -1, 64)
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

// Command chaos-controller-manager is Chaos Mesh's controller without what needs a cloud's API or a second cluster:
// AWSChaos, AzureChaos, GCPChaos and RemoteCluster. Upstream's main composes the same modules with those four; their
// SDKs are the larger part of what it compiles.
package main

import (
	stdlog "log"

	fxlogr "github.com/chaos-mesh/fx-logr"
	"github.com/go-logr/logr"
	"go.uber.org/fx"
	"k8s.io/apimachinery/pkg/runtime"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/chaos-mesh/chaos-mesh/api/v1alpha1"
	"github.com/chaos-mesh/chaos-mesh/cmd/chaos-controller-manager/provider"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/blockchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/dnschaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/httpchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/iochaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/jvmchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/kernelchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/networkchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/physicalmachinechaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/podchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/stresschaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/timechaos"
	chaosimplutils "github.com/chaos-mesh/chaos-mesh/controllers/chaosimpl/utils"
	"github.com/chaos-mesh/chaos-mesh/controllers/common"
	"github.com/chaos-mesh/chaos-mesh/controllers/config"
	"github.com/chaos-mesh/chaos-mesh/controllers/multicluster/clusterregistry"
	"github.com/chaos-mesh/chaos-mesh/controllers/podhttpchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/podiochaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/podnetworkchaos"
	"github.com/chaos-mesh/chaos-mesh/controllers/schedule"
	"github.com/chaos-mesh/chaos-mesh/controllers/statuscheck"
	"github.com/chaos-mesh/chaos-mesh/controllers/types"
	"github.com/chaos-mesh/chaos-mesh/controllers/utils/chaosdaemon"
	"github.com/chaos-mesh/chaos-mesh/controllers/utils/recorder"
	"github.com/chaos-mesh/chaos-mesh/pkg/grpc"
	"github.com/chaos-mesh/chaos-mesh/pkg/log"
	"github.com/chaos-mesh/chaos-mesh/pkg/metrics"
	"github.com/chaos-mesh/chaos-mesh/pkg/selector"
	"github.com/chaos-mesh/chaos-mesh/pkg/version"
	chaoswebhook "github.com/chaos-mesh/chaos-mesh/pkg/webhook"
	"github.com/chaos-mesh/chaos-mesh/pkg/workflow/controllers"
)

// reconcilers act on the objects of Chaos Mesh.
var reconcilers = fx.Options(
	fx.Provide(chaosdaemon.New, recorder.NewRecorderBuilder, common.AllSteps, clusterregistry.New),
	fx.Invoke(common.Bootstrap, podhttpchaos.Bootstrap, podnetworkchaos.Bootstrap, podiochaos.Bootstrap,
		controllers.BootstrapWorkflowControllers, statuscheck.Bootstrap),
	schedule.Module,
	blockchaos.Module, dnschaos.Module, httpchaos.Module, iochaos.Module, jvmchaos.Module, kernelchaos.Module,
	networkchaos.Module, physicalmachinechaos.Module, podchaos.Module, stresschaos.Module, timechaos.Module,
	chaosimplutils.Module,
)

func main() {
	version.PrintVersionInfo("Controller manager")
	logger, err := log.NewDefaultZapLogger()
	if err != nil {
		stdlog.Fatal(err)
	}
	log.ReplaceGlobals(logger)
	ctrl.SetLogger(logger)
	grpc.RPCTimeout = config.ControllerCfg.RPCTimeout
	fxLogger := logger.WithName("fx")
	fx.New(
		fx.WithLogger(fxlogr.WithLogr(&fxLogger)),
		fx.Supply(controllermetrics.Registry, logger),
		fx.Provide(metrics.NewChaosControllerManagerMetricsCollector),
		provider.Module, reconcilers, selector.Module, types.ChaosObjects, types.WebhookObjects,
		fx.Invoke(run),
	).Run()
}

type params struct {
	fx.In

	Manager ctrl.Manager
	Logger  logr.Logger
	Auth    *authorizationv1.AuthorizationV1Client
	// The collector registers itself when it is made; the controllers need it for nothing else.
	Metrics *metrics.ChaosControllerManagerMetricsCollector

	Objects        []types.Object        `group:"objs"`
	WebhookObjects []types.WebhookObject `group:"webhookObjs"`
}

// object is a kind of Chaos Mesh; it validates and defaults itself.
type object interface {
	runtime.Object
	admission.CustomValidator
	admission.CustomDefaulter
}

// run serves the webhooks and starts the controllers.
func run(p params) error {
	for _, o := range p.Objects {
		if err := serveWebhook(p.Manager, o.Name, o.Object); err != nil {
			return err
		}
	}
	for _, o := range p.WebhookObjects {
		if err := serveWebhook(p.Manager, o.Name, o.Object); err != nil {
			return err
		}
	}
	if err := serveWebhook(p.Manager, "schedule", &v1alpha1.Schedule{}); err != nil {
		return err
	}
	if err := serveWebhook(p.Manager, "workflow", &v1alpha1.Workflow{}); err != nil {
		return err
	}
	c := config.ControllerCfg
	p.Manager.GetWebhookServer().Register("/validate-auth", &webhook.Admission{
		Handler: chaoswebhook.NewAuthValidator(
			c.SecurityMode, p.Auth, p.Manager.GetScheme(), c.ClusterScoped, c.TargetNamespace, c.EnableFilterNamespace,
			p.Logger.WithName("validate-auth"),
		),
	})
	return p.Manager.Start(ctrl.SetupSignalHandler())
}

func serveWebhook(manager ctrl.Manager, name string, o object) error {
	if !config.ShouldStartWebhook(name) {
		return nil
	}
	return ctrl.NewWebhookManagedBy(manager).For(o).WithValidator(o).WithDefaulter(o).Complete()
}

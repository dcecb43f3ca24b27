package components

import (
	"os"
	"strings"
	"testing"
)

func TestPluginOfAWSIsOfTheSDKsVersion(t *testing.T) {
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(module), "github.com/pulumi/pulumi-aws/sdk/v6 v"+awsVersion+"\n") {
		t.Errorf("go.mod does not require pulumi-aws v%s", awsVersion)
	}
}

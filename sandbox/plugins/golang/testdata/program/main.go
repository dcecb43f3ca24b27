// The program that the tests of the language host run: its config tells it how to behave.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

type box struct{ pulumi.ResourceState }

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		c := config.New(ctx, "")
		switch c.Get("do") {
		case "error":
			return errors.New("told to fail")
		case "exit":
			os.Exit(3)
		case "hang":
			if err := os.WriteFile(c.Require("pidFile"), fmt.Append(nil, os.Getpid()), 0o600); err != nil {
				return err
			}
			time.Sleep(time.Minute)
		}
		var b box
		if err := ctx.RegisterComponentResource("test:index:Box", "one", &b); err != nil {
			return err
		}
		fmt.Println("dry run:", ctx.DryRun())
		ctx.Export("names", pulumi.StringArray{
			pulumi.String(ctx.Organization()), pulumi.String(ctx.Project()), pulumi.String(ctx.Stack()),
		})
		ctx.Export("root", pulumi.String(ctx.RootDirectory()))
		ctx.Export("plain", pulumi.String(c.Require("plain")))
		ctx.Export("password", c.RequireSecret("password"))
		return nil
	})
}

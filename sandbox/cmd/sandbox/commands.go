package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"

	"github.com/spf13/cobra"

	"github.com/opex-project/opex/sandbox/internal/boot"
	"github.com/opex-project/opex/sandbox/internal/cluster"
	"github.com/opex-project/opex/sandbox/internal/deploy"
	"github.com/opex-project/opex/sandbox/internal/foreground"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

func downCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "down", Args: cobra.NoArgs, Short: "Stop the cluster; what it holds is kept in .sandbox",
		RunE: func(*cobra.Command, []string) error {
			s, err := o.sandbox()
			if err != nil {
				return err
			}
			if err := boot.Stop(s); err != nil {
				return err
			}
			fmt.Fprintf(
				os.Stderr,
				"The sandbox %s is down. `make up STACK=%s` starts it again where it was, `make clean STACK=%s` forgets it.\n",
				s.Instance, s.Stack, s.Stack,
			)
			return nil
		},
	}
}

func cleanCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "clean", Args: cobra.NoArgs, Short: "Stop the cluster and delete all that it holds; what was built stays",
		RunE: func(*cobra.Command, []string) error {
			s, err := o.sandbox()
			if err != nil {
				return err
			}
			if err := boot.Stop(s); err != nil {
				return err
			}
			if err := os.RemoveAll(s.State()); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "The sandbox %s and all that it held are deleted.\n", s.Instance)
			return nil
		},
	}
}

func statusCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "status", Args: cobra.NoArgs, Short: "Say which sandboxes run, and how their pods are",
		RunE: func(c *cobra.Command, _ []string) error {
			for _, instance := range layout.Instances {
				s, err := o.sandbox()
				if err != nil {
					return err
				}
				s.Instance = instance
				pid, running, err := boot.Running(s)
				if err != nil {
					return err
				}
				if !running {
					fmt.Fprintf(c.OutOrStdout(), "%s: down\n", instance)
					continue
				}
				fmt.Fprintf(
					c.OutOrStdout(), "%s: up (process %d, API https://127.0.0.1:%d, S3 https://127.0.0.1:%d)\n",
					instance, pid, s.Ports().API, s.Ports().S3,
				)
				pods, err := cluster.Kubectl(c.Context(), s, nil, "get", "pods", "--all-namespaces", "--output=wide")
				if err != nil {
					return err
				}
				if _, err := c.OutOrStdout().Write(pods); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func shellCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "shell", Args: cobra.NoArgs, Short: "Open a shell in which pulumi and kubectl work on the sandbox",
		RunE: func(*cobra.Command, []string) error {
			return runIn(o, userShell())
		},
	}
}

func execCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "exec -- COMMAND [ARG...]", Args: cobra.MinimumNArgs(1), Short: "Run one command as in the shell",
		Example: "  sandbox exec -- pulumi preview --diff\n  sandbox exec --stack prod -- kubectl get pods --all-namespaces",
		RunE:    func(_ *cobra.Command, args []string) error { return runIn(o, args) },
	}
}

// exitCode is the end of a command that has said itself what was wrong.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// runIn runs a command in the sandbox's environment.
func runIn(o *options, args []string) error {
	s, err := o.sandbox()
	if err != nil {
		return err
	}
	_, running, err := boot.Running(s)
	if err != nil || !running {
		return fmt.Errorf("the sandbox %s is down: run `make up STACK=%s` first", s.Instance, s.Stack)
	}
	_, leave, err := deploy.EnterSandbox(s)
	if err != nil {
		return err
	}
	defer leave()
	return run(s.Repo, args)
}

// run runs a command in this process' environment. The command's exit code becomes this program's.
func run(folder string, args []string) error {
	command := exec.Command(args[0], args[1:]...)
	command.Dir, command.Stdin, command.Stdout, command.Stderr = folder, os.Stdin, os.Stdout, os.Stderr
	err := foreground.Run(command)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return exitCode(ended.ExitCode())
	}
	return err
}

// userShell is the command line of the user's shell.
func userShell() []string { return []string{cmp.Or(os.Getenv("SHELL"), "/bin/sh")} }

func initCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "init", Hidden: true, Args: cobra.NoArgs, Short: "The first process of a sandbox",
		RunE: func(*cobra.Command, []string) error {
			s, err := o.sandbox()
			if err != nil {
				return err
			}
			return boot.Init(s)
		},
	}
}

func initNodeCommand(o *options) *cobra.Command {
	var index int
	c := &cobra.Command{
		Use: "init-node", Hidden: true, Args: cobra.NoArgs, Short: "The first process of a further node",
		RunE: func(*cobra.Command, []string) error {
			s, err := o.sandbox()
			if err != nil {
				return err
			}
			return boot.InitNode(s, index)
		},
	}
	c.Flags().IntVar(&index, "index", 1, "the node's number")
	return c
}

func printOutputs(out io.Writer, outputs map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		if err := printOutput(out, name, outputs[name]); err != nil {
			return err
		}
	}
	return nil
}

func printOutput(out io.Writer, name string, value any) error {
	if text, ok := value.(string); ok {
		_, err := fmt.Fprintf(out, "%s: %s\n", name, text)
		return err
	}
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s\n", name, data)
	return err
}

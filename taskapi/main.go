// Command task-api serves tasks over HTTP from PostgreSQL, and drains when told to stop.
//
// It exits with 0 after a complete drain, 1 when it could not listen or had to cut requests off, and 2 when a setting
// is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/opex-project/opex/taskapi/internal/api"
	"github.com/opex-project/opex/taskapi/internal/config"
	"github.com/opex-project/opex/taskapi/internal/store"
)

func main() {
	cfg, err := config.Load()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: cfg.LogLevel}))
	// Two signals: the first drains, the second gives up. Caught before anything else runs, so that none is lost.
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if err := run(cfg, log, stop); err != nil {
		log.Error("ended", "error", err.Error())
		os.Exit(1)
	}
}

func run(cfg config.Config, log *slog.Logger, stop <-chan os.Signal) error {
	db, err := store.Open(cfg.Database, cfg.RequestTimeout)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(cfg.Port)))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go db.KeepMigrated(ctx, log)

	handler := api.New(db, log)
	server := handler.Server(cfg.RequestTimeout)
	served := make(chan error, 1)
	go func() { served <- server.Serve(api.IdleFirst(listener, server.IdleTimeout)) }()
	conn := cfg.Database.ConnConfig
	log.Info(
		"listening", "address", listener.Addr().String(), "database", conn.Database, "database_host", conn.Host,
		"database_port", conn.Port,
	)

	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case sig := <-stop:
		log.Info(
			"draining", "signal", sig.String(), "delay", cfg.DrainDelay.String(), "timeout", cfg.DrainTimeout.String(),
		)
	}
	handler.Drain()
	if err := drain(server, cfg, stop); err != nil {
		_ = server.Close()
		return err
	}
	cancel()
	db.Close()
	log.Info("drained")
	return nil
}

// drain keeps serving while load balancers forget this replica, then stops listening and waits for the requests in
// flight.
func drain(server *http.Server, cfg config.Config, stop <-chan os.Signal) error {
	select {
	case <-time.After(cfg.DrainDelay):
	case sig := <-stop:
		return fmt.Errorf("%s while draining: requests in flight were cut off", sig)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- server.Shutdown(ctx) }()
	select {
	case err := <-done:
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf(
				"requests in flight were cut off: not done %s after the listener closed", cfg.DrainTimeout,
			)
		}
		return err
	case sig := <-stop:
		return fmt.Errorf("%s while draining: requests in flight were cut off", sig)
	}
}

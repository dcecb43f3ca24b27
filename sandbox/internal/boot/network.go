package boot

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/opex-project/opex/sandbox/internal/layout"
)

// bridgeName is the bridge between the nodes. Node 0 holds its address on the bridge itself.
const bridgeName = "opex0"

// uplinkName is the interface of a further node.
const uplinkName = "eth0"

// joinFirst makes the network of node 0, in which the control plane runs too.
func joinFirst(nodes int) error {
	if err := enableForwarding(); err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge %s: %w", bridgeName, err)
	}
	if err := raise(bridge, layout.NodeAddress(0)); err != nil {
		return err
	}
	// Service addresses are rewritten on the way out, but only if there is a way out. Nobody holds this gateway.
	gateway := layout.NodeNetwork.Addr().Next()
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: bridge.Index, Gw: ip(gateway)}); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	return routePods(0, nodes)
}

// attach connects the network namespace of a further node's process to the bridge.
func attach(index, pid int) error {
	bridge, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	host := fmt.Sprintf("node%d", index)
	if old, err := netlink.LinkByName(host); err == nil {
		if err := netlink.LinkDel(old); err != nil {
			return err
		}
	}
	pair := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: host, MasterIndex: bridge.Attrs().Index},
		PeerName:      uplinkName,
		PeerNamespace: netlink.NsPid(pid),
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("connect node %d: %w", index, err)
	}
	return netlink.LinkSetUp(pair)
}

// joinFurther waits for the interface that attach gives this network namespace, and sets it up.
func joinFurther(index, nodes int) error {
	if err := enableForwarding(); err != nil {
		return err
	}
	var link netlink.Link
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var err error
		if link, err = netlink.LinkByName(uplinkName); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("node %d got no interface %s within 10 s: %w", index, uplinkName, err)
		}
	}
	if err := raise(link, layout.NodeAddress(index)); err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: ip(layout.NodeAddress(0))}); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	return routePods(index, nodes)
}

// routePods adds the ways to the other nodes' pods.
func routePods(self, nodes int) error {
	for i := range nodes {
		if i == self {
			continue
		}
		if err := netlink.RouteAdd(&netlink.Route{Dst: network(layout.PodRange(i)), Gw: ip(layout.NodeAddress(i))}); err != nil {
			return fmt.Errorf("route to the pods of node %d: %w", i, err)
		}
	}
	return nil
}

func raise(link netlink.Link, address netip.Addr) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	withMask := netip.PrefixFrom(address, layout.NodeNetwork.Bits())
	return errors.Join(
		netlink.LinkSetUp(loopback),
		netlink.AddrAdd(link, &netlink.Addr{IPNet: network(withMask)}),
		netlink.LinkSetUp(link),
	)
}

func enableForwarding() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return err
	}
	// Replies between pods on one bridge must pass the Service rules too. Absent where bridges are not filtered at all.
	err := os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-iptables", []byte("1"), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func ip(a netip.Addr) net.IP { return net.IP(a.AsSlice()) }

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: ip(p.Addr()), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"
)

// CoreDNS with the plugins that the testbed's Corefile names, in the order that its own list has: all of them take some
// minutes more to build.
func main() {
	dnsserver.Directives = []string{"bind", "ready", "health", "errors", "template", "kubernetes"}
	coremain.Run()
}

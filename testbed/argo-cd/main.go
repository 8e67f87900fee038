package main

import (
	"os"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	repo "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

// The two processes of Argo CD that bring manifests into a cluster, as its own main package starts them. That one has the rest
// of Argo CD in it, too, which costs a third more to build and is not wanted here.
func main() {
	command := &cobra.Command{Use: "argocd"}
	command.AddCommand(controller.NewCommand(), repo.NewCommand())
	if command.Execute() != nil {
		os.Exit(1)
	}
}

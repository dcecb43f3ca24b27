package existing

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/opex-project/opex/sandbox/internal/image"
	"github.com/opex-project/opex/sandbox/internal/layout"
)

// Names maps each of this repository's images, as the program names it, to the name by which nodes get it.
type Names map[string]string

// CheckRegistry says why images cannot be pushed to a registry, or nil. It begins an upload and cancels it.
func CheckRegistry(registry string) error {
	to, err := inRegistry(registry, image.TaskAPI)
	if err != nil {
		return err
	}
	if err := remote.CheckPushPermission(to, authn.DefaultKeychain, http.DefaultTransport); err != nil {
		return fmt.Errorf("push to %s: %w; `docker login %s` stores credentials", to, err, to.RegistryStr())
	}
	return nil
}

// inRegistry is the name that an image of this repository has in a registry.
func inRegistry(registry, built string) (name.Tag, error) {
	to, err := name.NewTag(strings.TrimSuffix(registry, "/") + "/" + path.Base(built))
	if err != nil {
		return to, fmt.Errorf("registry %q: %w", registry, err)
	}
	return to, nil
}

// Push puts this repository's images into a registry, such as ghcr.io/acme, with the credentials of `docker login`.
// Each name ends with the image's digest, so that a changed image changes the pods that run it.
func Push(ctx context.Context, s layout.Sandbox, registry string) (Names, error) {
	names := Names{}
	for _, i := range image.Own() {
		built := i.References[0]
		from, err := name.NewTag(built)
		if err != nil {
			return nil, err
		}
		content, err := tarball.ImageFromPath(image.Archive(s, i), &from)
		if err != nil {
			return nil, err
		}
		to, err := inRegistry(registry, built)
		if err != nil {
			return nil, err
		}
		digest, err := content.Digest()
		if err != nil {
			return nil, err
		}
		err = remote.Write(to, content, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
		if err != nil {
			return nil, fmt.Errorf("push %s: %w", to, err)
		}
		names[built] = to.Name() + "@" + digest.String()
	}
	return names, nil
}

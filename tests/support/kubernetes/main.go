// Builds a kustomization as `kubectl kustomize` does, and holds resources that Kubernetes itself does not define to the
// types that their projects publish: a field that is none of theirs is an error.
package main

import (
	"fmt"
	"log"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var published = map[string]func() any{
	"monitoring.coreos.com/v1/PrometheusRule": func() any { return &monitoring.PrometheusRule{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() any { return &monitoring.ServiceMonitor{} },
	"gateway.networking.k8s.io/v1/Gateway":    func() any { return &gateway.Gateway{} },
	"gateway.networking.k8s.io/v1/HTTPRoute":  func() any { return &gateway.HTTPRoute{} },
}

func main() {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, resource := range built.Resources() {
		text := []byte(resource.MustYaml())
		kind := resource.GetApiVersion() + "/" + resource.GetKind()
		if of, known := published[kind]; known {
			if err := yaml.UnmarshalStrict(text, of()); err != nil {
				log.Fatalf("%s %s: %v", kind, resource.GetName(), err)
			}
		}
		fmt.Printf("---\n%s", text)
	}
}

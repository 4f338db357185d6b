// Reads a bill of materials with the library that Syft reads them with, and says what is in it.
package main

import (
	"fmt"
	"log"
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func read(name string) (*cdx.BOM, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bom := new(cdx.BOM)
	return bom, cdx.NewBOMDecoder(file, cdx.BOMFileFormatJSON).Decode(bom)
}

func main() {
	log.SetFlags(0)
	bom, err := read(os.Args[1])
	if err != nil {
		log.Fatal("not a bill of materials: ", err)
	}
	if bom.BOMFormat != "CycloneDX" || bom.Components == nil || bom.Dependencies == nil {
		log.Fatal("not a bill of materials: it has no components")
	}
	fmt.Println("version", bom.SpecVersion, bom.SerialNumber)
	refs := map[string]bool{bom.Metadata.Component.BOMRef: true}
	for _, it := range *bom.Components {
		refs[it.BOMRef] = true
		fmt.Println("component", it.BOMRef, it.PackageURL)
		if it.Hashes != nil {
			for _, hash := range *it.Hashes {
				fmt.Println("hash", it.BOMRef, hash.Algorithm, hash.Value)
			}
		}
	}
	for _, from := range *bom.Dependencies {
		if from.Dependencies == nil {
			continue
		}
		for _, to := range *from.Dependencies {
			if !refs[from.Ref] || !refs[to] {
				log.Fatal("not a bill of materials: an edge leads nowhere")
			}
			fmt.Println("edge", from.Ref, to)
		}
	}
}

package io.tidemark.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Some of the defects that the rounds of faults have to find; {@link ClusterDefects} has all. */
class ClusterDefectTest {
  private static final long SEED = 1;

  @RegisterExtension final Workbench bench = new Workbench();

  @BeforeEach
  void needsHosts() {
    FaultyCluster.requirements();
  }

  @ParameterizedTest
  @EnumSource(names = "ACKNOWLEDGED_BEFORE_DURABLE")
  void nodesThatHaveADefectAreFoundOut(ClusterDefect defect) throws Exception {
    assertThat(defect.find(bench, SEED)).as("what was found of %s", defect).isNotNull();
  }
}

# poll.pl LIBRARY DATABASE: a background service from Perl (FFI::Platypus), polled.
use strict;
use warnings;
use FFI::Platypus 2.00;
use FFI::Platypus::Buffer qw(buffer_to_scalar);

my ($library, $path) = @ARGV;
my $ffi = FFI::Platypus->new(api => 2, lib => $library);
$ffi->attach(skillsmith_abi_version => [] => 'uint32');
$ffi->attach(skillsmith_database_open => ['string', 'opaque', 'opaque*', 'opaque'] => 'sint32');
$ffi->attach(skillsmith_database_free => ['opaque'] => 'sint32');
$ffi->attach(skillsmith_start_background_sync => ['opaque', 'opaque', 'opaque', 'opaque*', 'opaque'] => 'sint32');
$ffi->attach(skillsmith_background_sync_service_get_state => ['opaque', 'opaque*', 'opaque'] => 'sint32');
$ffi->attach(skillsmith_background_sync_state_free => ['opaque'] => 'sint32');
$ffi->attach(skillsmith_background_sync_service_free => ['opaque'] => 'sint32');
$ffi->attach(skillsmith_live_objects => [] => 'size_t');
sub ok { my ($status) = @_; die "status $status" if $status }

ok(skillsmith_abi_version() != 1);
my ($database, $service, $added);
ok(skillsmith_database_open($path, undef, \$database, undef));
ok(skillsmith_start_background_sync($database, undef, undef, \$service, undef));
until (defined $added) {
  select undef, undef, undef, 0.005;
  my $state;
  ok(skillsmith_background_sync_service_get_state($service, \$state, undef));
  # The pointer comes after two bools, and the number after those and three enumerations.
  my $result = unpack 'x8 Q', buffer_to_scalar($state, 16);
  $added = unpack 'x16 Q', buffer_to_scalar($result, 24) if $result;
  ok(skillsmith_background_sync_state_free($state));
}
ok(skillsmith_background_sync_service_free($service));
ok(skillsmith_database_free($database));
ok(skillsmith_live_objects());
print "$added\n";

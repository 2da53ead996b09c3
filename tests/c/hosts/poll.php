<?php
// poll.php LIBRARY FFI.h DATABASE: a background service from PHP (FFI), polled.
[, $library, $declarations, $path] = $argv;
$lib = FFI::cdef(file_get_contents($declarations), $library);
function ok(int $status): void { if ($status !== 0) { exit("status $status\n"); } }

ok($lib->skillsmith_abi_version() === $lib->SKILLSMITH_ABI_VERSION ? 0 : -1);
$database = $lib->new('skillsmith_database *');
ok($lib->skillsmith_database_open($path, null, FFI::addr($database), null));
$service = $lib->new('skillsmith_background_sync_service *');
ok($lib->skillsmith_start_background_sync($database, null, null, FFI::addr($service), null));
$added = null;
while ($added === null) {
    usleep(5000);
    $state = $lib->new('skillsmith_background_sync_state *');
    ok($lib->skillsmith_background_sync_service_get_state($service, FFI::addr($state), null));
    if ($state->last_result !== null) { $added = $state->last_result->skills_added; }
    ok($lib->skillsmith_background_sync_state_free($state));
}
ok($lib->skillsmith_background_sync_service_free($service));
ok($lib->skillsmith_database_free($database));
ok($lib->skillsmith_live_objects());
echo "$added\n";
